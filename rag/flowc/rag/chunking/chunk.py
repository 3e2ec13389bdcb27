"""What is a chunk, and how is a document to be cut into some?"""

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.rag.tokens import EncodingName

By = Literal["recursive", "tokens", "sentences", "headings", "pages"]


def _an_eighth(given: dict[str, Any]) -> int:
    return int(given.get("size", 0)) // 8


class Chunking(BaseModel):
    """How to cut: chunks have `size` tokens at the most, and share `overlap` with the one before.

    `recursive` cuts between paragraphs where it can, then lines, sentences and words; `headings`
    and `pages` do so too, and begin a new chunk at each. `sentences` keeps those whole, `tokens`
    cuts where the size is reached.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: By = "recursive"
    size: int = Field(default=512, ge=8, le=32_000, description="Of a chunk, in tokens.")
    overlap: int = Field(
        default_factory=_an_eighth,
        ge=0,
        description="In tokens: half the size at the most; an eighth unless told otherwise.",
    )
    encoding: EncodingName = "cl100k_base"

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Chunking":
        if self.overlap > self.size // 2:
            raise ValueError("the overlap is more than half the size")
        return self


class TextChunk(NamedTuple):
    """A passage of a document: its text is that of the document from `start` to `end`.

    `page` and `headings` are those of its beginning, `last_page` is that of its end.
    """

    text: str
    tokens: int
    start: int
    end: int
    page: int | None
    last_page: int | None
    headings: tuple[str, ...]
