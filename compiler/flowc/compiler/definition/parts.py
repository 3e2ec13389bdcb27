"""The base of every part of a definition, and the field type for schemas."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, WithJsonSchema
from pydantic_core import PydanticCustomError

from flowc.compiler.definition.short_schemas import BadSchema, Schema, to_json_schema
from flowc.compiler.definition.start_forms import form_schema
from flowc.compiler.diagnostics import Pointer

# The type of pydantic's error for a schema that is not sound; its context is the BadSchema.
BAD_SCHEMA = "bad-schema"


def bad_schema_error(problem: BadSchema) -> PydanticCustomError:
    """Return the error that a validator of pydantic raises, so that the diagnostic has a hint."""
    context = {"sentence": str(problem), "problem": problem}
    return PydanticCustomError(BAD_SCHEMA, "{sentence}", context)


def _sound_schema(form: Any) -> Schema:
    try:
        return to_json_schema(form)
    except BadSchema as problem:
        raise bad_schema_error(problem) from None


JsonSchema = Annotated[
    Schema,
    BeforeValidator(_sound_schema),
    WithJsonSchema(
        {
            "type": ["object", "string", "array"],
            "description": "A JSON Schema, or its short form: {message: string, tags: [string]}.",
        }
    ),
]


def _sound_form(form: Any) -> Schema:
    try:
        return to_json_schema(form_schema(form))
    except BadSchema as problem:
        raise bad_schema_error(problem) from None


InputForm = Annotated[
    Schema,
    BeforeValidator(_sound_form),
    WithJsonSchema(
        {
            "type": ["object", "string", "array"],
            "description": "A JSON Schema, its short form, or a form: a list of fields with `name`,"
            " `type`, `title`, `default`, `required`, `options`.",
        }
    ),
]


class Part(BaseModel):
    """A part of a definition: it refuses unknown keys, is frozen, and knows its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _at: Pointer = PrivateAttr(default=())

    @property
    def at(self) -> Pointer:
        """The path of this part in its document."""
        return self._at
