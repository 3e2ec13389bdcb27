"""What clients show where a conversation with a workflow begins; runs ignore it."""

from typing import Annotated

from pydantic import AliasChoices, ConfigDict, Field

from flowc.compiler.definition.parts import Part


class ChatStart(Part):
    """What clients show before the first message of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    opening: str | None = Field(
        default=None,
        min_length=1,
        max_length=4_000,
        validation_alias=AliasChoices("opening", "opening_statement", "greeting", "welcome"),
        description="What the workflow says first; Markdown.",
    )
    suggested_questions: tuple[Annotated[str, Field(min_length=1, max_length=400)], ...] = Field(
        default=(),
        max_length=20,
        validation_alias=AliasChoices("suggested_questions", "suggestions", "starters"),
        description="Messages that a person can send with one click.",
    )
