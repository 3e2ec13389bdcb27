"""The `variables` of a workflow: initial values, and declarations of variables that last."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from flowc.compiler.definition.parts import JsonSchema, Part

VariableScope = Literal["run", "thread", "workflow", "user"]

_KEYS = frozenset({"scope", "type", "default", "description"})


class VariableDeclaration(Part):
    """A variable with a scope: how long it lasts, and what it can hold."""

    scope: VariableScope = Field(
        description="How long it lasts: for the `run`, for all runs of its `thread`, of the"
        " `workflow`, or of the `user` who starts them."
    )
    type: JsonSchema | None = Field(
        default=None, description="What it can hold, as a JSON Schema or its short form: integer."
    )
    default: Any = Field(default=None, description="The value before it is set.")
    description: str | None = Field(default=None, description="What it is for.")


def is_declaration(value: Any) -> bool:
    """Return whether a value of `variables` declares a scope; others are initial values.

    >>> is_declaration({"scope": "thread", "type": "string"}), is_declaration({"scope": 1, "x": 2})
    (True, False)
    """
    return isinstance(value, dict) and "scope" in value and value.keys() <= _KEYS


def declarations_in(variables: Mapping[str, Any]) -> dict[str, VariableDeclaration]:
    """Return the declarations, by name, without those that are not sound."""
    found: dict[str, VariableDeclaration] = {}
    for name, value in variables.items():
        if is_declaration(value):
            try:
                found[name] = VariableDeclaration.model_validate(value)
            except ValidationError:
                continue
    return found


def initial_values(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with which a run begins, where nothing is stored.

    >>> initial_values({"n": 1, "name": {"scope": "user", "default": "you"}})
    {'n': 1, 'name': 'you'}
    """
    return {
        name: value.get("default") if is_declaration(value) else value
        for name, value in variables.items()
    }
