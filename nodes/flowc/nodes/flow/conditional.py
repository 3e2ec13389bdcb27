"""The node type `conditional`: a choice between two branches."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Condition, Context, Node, Outcome


class Conditional(Node):
    """Choose the branch `true` if `condition` holds, and the branch `false` if not.

    An edge from this node names the branch it belongs to; or `true_edge` and `false_edge` name the
    next nodes. The output's `result` is true or false.
    """

    type: ClassVar = "conditional"
    group: ClassVar = "flow"
    is_pure: ClassVar = True
    passes_data_on: ClassVar = True

    condition: Condition = Field(
        description="For example {{classify.output.category}} == 'technical'."
    )
    true_edge: str | None = Field(
        default=None, description="Id of the next node if the condition holds."
    )
    false_edge: str | None = Field(default=None, description="Id of the next node if it does not.")

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Return both branches, each with the node that the configuration names."""
        return {name: _name(config.get(f"{name}_edge")) for name in ("true", "false")}

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str, ...]:
        """Return the key that names a branch's target."""
        return (f"{branch}_edge",)

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of `result`."""
        return {"type": "object", "properties": {"result": {"type": "boolean"}}}

    async def run(self, context: Context) -> Outcome:
        """Choose the branch."""
        return Outcome({"result": self.condition}, branch="true" if self.condition else "false")


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) else None
