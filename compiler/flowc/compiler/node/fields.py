"""Annotations for the configuration fields of a node type.

A field without any of these holds a template, and `run` sees the value it computed. For example:

    class Route(Node):
        when: Condition          # "{{input.n}} > 1": `run` sees True or False
        keep: ItemCondition      # a Formula: `run` calls it for each item
        body: BodyField          # nodes and edges: `run` sees the definition as written
        token: Annotated[str, SecretAllowed()]   # may read {{secrets.token}}
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from pydantic import SkipValidation, WithJsonSchema

from flowc.compiler.expressions import Expression, Names
from flowc.compiler.node.outcome import Json


class Role(Enum):
    """How the text in a field is read; a field without a role holds a template."""

    CONDITION = "condition"
    ITEM_CONDITION = "condition on each item"
    ITEM_EXPRESSION = "expression over each item"
    RAW = "raw"


class SecretAllowed:
    """Marks a field whose templates may read `secrets`; its JSON Schema has `x-secrets`."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Mark the JSON Schema of the field, so that forms can offer the names of secrets."""
        return {**handler(schema), "x-secrets": True}


@dataclass(frozen=True)
class Incoming:
    """Marks a field that takes the outputs of the preceding nodes if the author leaves it out.

    With `steps_only`, it does so only in the steps form. With `merges`, the outputs of several
    steps are one object there, with the fields of all, unless the author says `merge: keyed`.
    """

    steps_only: bool = False
    merges: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression that a node evaluates itself, any number of times, with additional names.

    Evaluate it inside `await evaluated(work)` (of `flowc.compiler.expressions`), which leaves the
    event loop if the work takes long.

    >>> from flowc.compiler.expressions import compile_formula
    >>> price = Formula(compile_formula("item.price * variables.rate"), {"variables": {"rate": 2}})
    >>> price(item={"price": 10})
    20
    """

    expression: Expression
    names: Names

    def __call__(self, **names: Json) -> Json:
        """Return the value, computed with these names in addition to the workflow's."""
        return self.expression.evaluate({**self.names, **names})


Condition = Annotated[
    bool, Role.CONDITION, WithJsonSchema({"type": ["string", "boolean"], "format": "condition"})
]
ItemCondition = Annotated[
    SkipValidation[Formula],
    Role.ITEM_CONDITION,
    WithJsonSchema({"type": "string", "format": "condition"}),
]
ItemExpression = Annotated[
    SkipValidation[Formula],
    Role.ITEM_EXPRESSION,
    WithJsonSchema({"type": "string", "format": "expression"}),
]
PER_ITEM = frozenset({Role.ITEM_CONDITION, Role.ITEM_EXPRESSION})

# Nodes and edges of the node's own, and the tools of an agent: left as the author wrote them.
BodyField = Annotated[dict[str, Any], Role.RAW]
BodyPartField = Annotated[dict[str, Any] | None, Role.RAW]
ToolsField = Annotated[list[dict[str, Any]], Role.RAW]
