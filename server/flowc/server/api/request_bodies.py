"""The base of request bodies: unknown fields are refused, with the field that is meant."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from flowc.compiler.diagnostics import did_you_mean

# The type of pydantic's error for a field that a body does not have.
UNKNOWN_FIELD = "unknown-field"


class RequestBody(BaseModel):
    """The body of a request. A field that is not known is a slip, so it is refused.

    `holder` is the field into which a body of other fields belongs, and `notes` are hints for
    fields that people expect.
    """

    model_config = ConfigDict(extra="forbid")

    holder: ClassVar[str | None] = None
    notes: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, given: Any) -> Any:
        unknown = [key for key in given if key not in cls.model_fields] if _is_object(given) else []
        if unknown:
            context = {"name": repr(str(unknown[0])[:60]), "hint": cls._hint(unknown[0], given)}
            raise PydanticCustomError(UNKNOWN_FIELD, "There is no field {name}. {hint}", context)
        return given

    @classmethod
    def _hint(cls, name: str, given: Mapping[str, Any]) -> str:
        if name in cls.notes:
            return cls.notes[name]
        near = get_close_matches(name, cls.model_fields, n=1, cutoff=0.75)
        if near:
            return f"Did you mean {near[0]!r}?"
        if cls.holder is not None and cls.holder not in given:
            return f'Did you mean {{"{cls.holder}": {{"{name[:60]}": …}}}}?'
        return did_you_mean(name, cls.model_fields) or f"Fields: {', '.join(cls.model_fields)}."


def _is_object(given: Any) -> bool:
    return isinstance(given, dict)
