"""Defines a chunk, and the settings for cutting documents into chunks."""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.rag.tokens import EncodingName

By = Literal["recursive", "tokens", "sentences", "headings", "pages"]


def _an_eighth(given: dict[str, Any]) -> int:
    return int(given.get("size", 0)) // 8


class Chunking(BaseModel):
    """How to cut: a chunk has at most `size` tokens, and shares `overlap` with the one before.

    `recursive` cuts between paragraphs where possible, else between lines, sentences or words.
    `headings` and `pages` do the same, and begin a new chunk at each heading or page. `sentences`
    cuts between sentences, `tokens` wherever the size is reached.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By = "recursive"
    size: int = Field(
        default=512, ge=8, le=32_000, description="Largest size of a chunk, in tokens."
    )
    overlap: int = Field(
        default_factory=_an_eighth,
        ge=0,
        description="Tokens shared with the chunk before: by default size / 8, at most size / 2.",
    )
    encoding: EncodingName = "cl100k_base"

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Chunking":
        if self.overlap > self.size // 2:
            raise ValueError("the overlap must be at most half the size")
        return self


class TextChunk(NamedTuple):
    """A part of a document: its text is `document[start:end]`.

    `page` and `headings` are those of its beginning, `last_page` is that of its end.
    """

    text: str
    tokens: int
    start: int
    end: int
    page: int | None
    last_page: int | None
    headings: tuple[str, ...]
