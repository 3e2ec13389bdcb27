"""The base of every part of a definition, and the field type for schemas."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, WithJsonSchema

from flowc.compiler.definition.short_schemas import Schema, to_json_schema
from flowc.compiler.diagnostics import Pointer

JsonSchema = Annotated[
    Schema,
    BeforeValidator(to_json_schema),
    WithJsonSchema(
        {
            "type": ["object", "string", "array"],
            "description": "A JSON Schema, or its short form: {message: string, tags: [string]}.",
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
