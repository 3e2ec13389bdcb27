"""Which workflow brings documents in, where nobody has written one?"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flowc.nodes.ingest import Text
from flowc.rag.chunking import Chunking


class What(BaseModel):
    """What is to be brought into a collection, and how, as the node type `ingest` takes it."""

    model_config = ConfigDict(extra="forbid")

    paths: list[str] | str = Field(default_factory=list)
    pattern: str = "*"
    files: list[str] = Field(default_factory=list, max_length=1_000)
    urls: list[str] = Field(default_factory=list, max_length=1_000)
    documents: list[Text] = Field(default_factory=list, max_length=1_000)
    removes: bool = True
    chunking: Chunking = Field(default_factory=Chunking)
    ocr: bool = False
    model: str | None = Field(default=None, max_length=256)
    metadata: dict[str, Any] = Field(default_factory=dict)


_FIELDS = ("collection", *What.model_fields)
# One definition for all: what it is to do is its input, where no text is taken for a template.
INGEST: dict[str, Any] = {
    "name": "Ingest",
    "nodes": [
        {
            "id": "ingest",
            "type": "ingest",
            "config": {name: f"{{{{input.{name}}}}}" for name in _FIELDS},
        }
    ],
}
