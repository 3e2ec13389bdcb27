"""The node type `switch`: a choice between several branches by a value."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Node, Outcome


class Switch(Node):
    """Choose the branch that has the value as its name, or `default` if no case matches.

    Values are compared as text: true is `true`, null is `null`, 3 is `3`. The output has the
    `value` and the chosen `branch`.
    """

    type: ClassVar = "switch"
    group: ClassVar = "flow"
    is_pure: ClassVar = True
    passes_data_on: ClassVar = True

    value: Any = Field(
        description="The value to compare, for example {{classify.output.category}}."
    )
    cases: dict[str, str | None] = Field(
        description="Next node by value; null where an edge with this branch leads to it."
    )
    default: str | None = Field(
        default=None, description="Id of the next node for all other values."
    )

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Return a branch for each case, and `default`."""
        cases = config.get("cases")
        named = {str(k): _name(v) for k, v in cases.items()} if isinstance(cases, dict) else {}
        return {**named, "default": _name(config.get("default"))}

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str, ...]:
        """Return the path that names a branch's target."""
        return ("default",) if branch == "default" else ("cases", branch)

    @classmethod
    def branches_taken(
        cls, config: Mapping[str, Any], field: str, values: Sequence[Any]
    ) -> frozenset[str] | None:
        """Return the cases that the value can be, and `default` if it can be none of them."""
        cases = config.get("cases")
        if field != "value" or not isinstance(cases, dict):
            return None
        names = map(_text, values)
        return frozenset(name if name in cases else "default" for name in names)

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of `value` and `branch`."""
        return {"type": "object", "properties": {"value": {}, "branch": {"type": "string"}}}

    async def run(self, context: Context) -> Outcome:
        """Choose the branch."""
        name = _text(self.value)
        branch = name if name in self.cases else "default"
        return Outcome({"value": self.value, "branch": branch}, branch=branch)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) else None
