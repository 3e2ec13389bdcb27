"""Where does a run end, and what is its output?"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Incoming, Node


class End(Node):
    """End here: the run's output is `output`, or else what the node before this one gave."""

    type: ClassVar = "end"
    also: ClassVar = ("output",)
    group: ClassVar = "flow"
    is_exit: ClassVar = True

    output: Annotated[Any, Incoming(), Field(description="The run's output, any JSON.")] = None

    async def run(self, context: Context) -> Any:
        """Return the run's output."""
        return self.output
