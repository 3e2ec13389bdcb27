"""Finds which path the `item` of a body, or of a node's own formulas, is read from."""

from typing import Any, get_origin

from flowc.compiler.analysis.configuration import Configuration, members_of, names_of_field
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.node import Node

_TYPES: dict[Any, str] = {
    list: "array", dict: "object", str: "string", bool: "boolean", int: "number", float: "number",
}  # fmt: skip


def item_path(scope: Scope) -> ReferencePath | None:
    """Return the path of each `item` in a body; None if there is none, or it is computed.

    In the body of a `map` over `{{ask.output.people}}` it is `ask.output.people[0]`.
    """
    if scope.outer is None:
        return None
    if "item" not in scope.outer.types[scope.container].body_names:
        return item_path(scope.outer)
    items = items_of(scope.outer.configurations[scope.container])
    if items is None or items[0] != "item":
        return None if items is None else (*items, 0)
    around = item_path(scope.outer)
    return None if around is None else (*around, *items[1:], 0)


def items_of(configuration: Configuration) -> ReferencePath | None:
    """Return the path that a node's list is read from, if it has one list and that is a path."""
    kind = configuration.node_type
    found = [
        slot.expression.whole
        for slot in configuration.slots
        if len(slot.path) == 1 and type_of_field(kind, str(slot.path[0])) == "array"
    ]
    return found[0] if len(found) == 1 else None


def type_of_field(node_type: type[Node], name: str) -> str | None:
    """Return the JSON type of a field of a node type; None if it can have several."""
    for own, field in node_type.model_fields.items():
        if name in names_of_field(own, field):
            kinds = {
                _TYPES.get(get_origin(member) or member)
                for member in members_of(field.annotation)
                if member is not type(None)
            }
            return kinds.pop() if len(kinds) == 1 else None
    return None
