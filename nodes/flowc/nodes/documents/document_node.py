"""The fields and the output that all nodes share that read one document."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, NeedKind, Node
from flowc.nodes.services import knowledge
from flowc.rag.documents import Metadata, Section

_PLACES = ("path", "file", "url")


class DocumentNode(Node):
    """A node that reads one document: a file in an allowed folder, an upload, or a web page."""

    extra: ClassVar = "documents"

    path: str | None = Field(
        default=None, description="Path of a file in one of the FLOWC_DOCUMENT_DIRS."
    )
    file: str | None = Field(default=None, description="Id of an uploaded file.")
    url: str | None = Field(default=None, description="Address of a document on the web.")
    media_type: str | None = Field(
        default=None, description="Format, if content and name do not show it: text/csv."
    )
    max_characters: int = Field(
        default=1_000_000,
        ge=1,
        le=7_000_000,
        description="Longest text to output; the rest is cut off.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> "DocumentNode":
        if sum(getattr(self, name) is not None for name in _PLACES) != 1:
            raise ValueError("it needs exactly one of `path`, `file` and `url`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of a document."""
        text, number = {"type": "string"}, {"type": "integer"}
        properties = {
            "source": text,
            "format": text,
            "text": text,
            "characters": number,
            "is_cut_off": {"type": "boolean"},
            "metadata": {"type": "object"},
            "sections": {"type": "array", "items": {"type": "object"}},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the text."""
        return output["text"]

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the file, or the address; and OCR, if it is wanted."""
        kinds: tuple[tuple[NeedKind, str], ...] = (
            ("file", "path"),
            ("upload", "file"),
            ("url", "url"),
        )
        needs = [Need(kind, str(config[at]), (at,)) for kind, at in kinds if config.get(at)]
        if config.get("ocr") is True:
            needs.append(Need("extra", "ocr", ("ocr",)))
        return Effects(tuple(needs), reads_only=True)

    async def document(self, context: Context, *, with_ocr: bool) -> dict[str, Any]:
        """Read the document, and return it as JSON; raise NodeError if it cannot be read."""
        documents = context.service(knowledge.Knowledge)
        with knowledge.as_node_errors():
            found = await documents.sources.one(self.path, self.file, self.url)
        item = replace(found, media_type=self.media_type or found.media_type)
        sections, metadata = await documents.read(item, with_ocr=with_ocr)
        return _as_output(found.source, sections, metadata, self.max_characters)


def _as_output(
    source: str, sections: list[Section], metadata: Metadata, most: int
) -> dict[str, Any]:
    whole = "".join(section.text for section in sections)
    return {
        "source": source,
        "format": metadata.get("format", "text"),
        "text": whole[:most],
        "characters": len(whole),
        "is_cut_off": len(whole) > most,
        "metadata": {name: value for name, value in metadata.items() if name != "format"},
        "sections": list(_places(sections, most)),
    }


def _places(sections: list[Section], most: int) -> Iterator[dict[str, Any]]:
    """Yield the start, end, page and headings of each part of the text.

    Neighbouring sections with the same page and headings are one part.
    """
    begin, known = 0, None
    at = 0
    for section in sections:
        place = (section.page, section.headings)
        if known is not None and place != known:
            yield _place(begin, at, known)
            begin = at
        known = place
        at = min(most, at + len(section.text))
    if known is not None and at > begin:
        yield _place(begin, at, known)


def _place(begin: int, end: int, known: tuple[int | None, tuple[str, ...]]) -> dict[str, Any]:
    return {"start": begin, "end": end, "page": known[0], "headings": list(known[1])}


def sections_of(document: Mapping[str, Any]) -> list[Section]:
    """Return the sections of a document, from its JSON."""
    text = str(document.get("text", ""))
    return [
        Section(text[each["start"] : each["end"]], each.get("page"), tuple(each["headings"]))
        for each in document.get("sections") or ()
    ] or [Section(text)]
