"""The node type `start`: the first node of a run."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context, Node


class Start(Node):
    """Start the run. The output is the run's input.

    Fields that the input leaves out come from `data`. Other nodes can also read the input itself,
    without these defaults, as {{input.name}}.
    """

    type: ClassVar = "start"
    also: ClassVar = ("input",)
    group: ClassVar = "flow"
    is_entry: ClassVar = True

    data: dict[str, Any] = Field(
        default_factory=dict, description="Default values for fields that the input leaves out."
    )

    @classmethod
    def output_fields(cls, config: Mapping[str, Any], incoming: frozenset[str]) -> frozenset[str]:
        """Return the names of the defaults."""
        data = config.get("data")
        return frozenset(data) if isinstance(data, dict) else frozenset()

    async def run(self, context: Context) -> dict[str, Any]:
        """Return the input, over the defaults."""
        return {**self.data, **context.input}
