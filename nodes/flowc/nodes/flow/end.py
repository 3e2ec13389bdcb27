"""The node type `end`: what a run returns."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Incoming, Node


class End(Node):
    """Set the run's output.

    Without `output`, it is the output of the node before this one; if several nodes lead here, an
    object with their outputs by node id. If several `end` nodes run, the run's output is an object
    with the output of each, by node id.
    """

    type: ClassVar = "end"
    also: ClassVar = ("output",)
    group: ClassVar = "flow"
    is_exit: ClassVar = True

    output: Annotated[Any, Incoming(), Field(description="The run's output; any JSON.")] = None

    async def run(self, context: Context) -> Any:
        """Return the run's output."""
        return self.output
