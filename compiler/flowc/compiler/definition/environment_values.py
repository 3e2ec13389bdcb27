"""Values that differ from one environment to the next and are no secrets: declared in `env`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from flowc.compiler.definition.parts import Part, bad_schema_error
from flowc.compiler.schemas.refusals import BadSchema

Scalar = str | int | float | bool | None
_FIELDS = frozenset({"default", "description"})
_NAME = ("name", "variable", "key")


class EnvironmentValue(Part):
    """A value that the operator can set for an environment; without a default, it must be set."""

    default: Scalar = Field(default=None, description="The value where the operator sets none.")
    description: str | None = Field(default=None, description="What the value is for.")

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, given: Any) -> Any:
        is_full = isinstance(given, dict) and given.keys() <= _FIELDS
        return given if is_full else {"default": given}

    def read(self, given: Scalar) -> Scalar:
        """Return what was set, as a value of the type of the default; without it, the default.

        >>> EnvironmentValue.model_validate(3).read("7")
        7
        """
        if given is None or not isinstance(given, str) or isinstance(self.default, str):
            return self.default if given is None else given
        if isinstance(self.default, bool):
            return given.strip().lower() in {"true", "yes", "1", "on"}
        if isinstance(self.default, (int, float)):
            try:
                return float(given) if set(given) & set(".eE") else int(given)
            except ValueError:
                return given
        return given


def _by_name(given: Any) -> Any:
    """Return the values by name; some tools list them, with their types."""
    if not isinstance(given, list):
        return given
    found: dict[str, Any] = {}
    for place, each in enumerate(given):
        name = next((each[key] for key in _NAME if key in each), None) if each else None
        if not isinstance(each, dict) or not isinstance(name, str):
            raise bad_schema_error(BadSchema("an environment value needs a `name`", path=(place,)))
        if each.get("value_type", each.get("type")) == "secret":
            hint = f"Take it out, and read {{{{secrets.{name}}}}} where a request needs it."
            message = f"{name[:40]!r} is a secret, and `env` is readable by all who see runs"
            raise bad_schema_error(BadSchema(message, path=(place,), hint=hint))
        default = each.get("value", each.get("default"))
        found[name] = {"default": default, "description": each.get("description")}
    return found


EnvironmentValues = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")], EnvironmentValue],
    BeforeValidator(_by_name),
    WithJsonSchema(
        {
            "type": ["object", "array"],
            "description": "Values by name: {REGION: eu}; null for one that must be set.",
        }
    ),
]


def values_of(
    declared: Mapping[str, EnvironmentValue], given: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Return the values that expressions read: those that are set, and the defaults."""
    found = {name: value.read(given.get(name)) for name, value in declared.items()}
    return {name: value for name, value in found.items() if value is not None}
