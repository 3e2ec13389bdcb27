"""Where does a run begin, and with what?"""

from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node


class Start(Node):
    """Begin here: the output is the run's input, over the defaults in `data`."""

    type: ClassVar = "start"
    also: ClassVar = ("input",)
    group: ClassVar = "flow"
    is_entry: ClassVar = True

    data: dict[str, Any] = Field(default_factory=dict, description="Defaults for the input.")

    async def run(self, context: Context) -> dict[str, Any]:
        """Return the input."""
        return {**self.data, **context.input}
