"""Reads the text of an HTML page under its headings."""

from collections.abc import Iterator
from typing import BinaryIO

from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml.etree import ErrorTypes
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.formats import ParsingOptions, text
from flowc.rag.reading.headings import Headings

_RULES = {f"h{level}": [f"heading{level}"] for level in range(1, 7)}
_NOT_READ = (
    "//script | //style | //noscript | //template | //svg | //nav | //head/*[not(self::title)]"
)


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield a section for each heading, as a browser shows it, without scripts and navigation."""
    raw = file.read()
    if not raw.strip():
        return
    # A page that declares its encoding is believed; the parser reads the declaration.
    encoding = None if b"charset" in raw[:2_048].lower() else text.encoding_of(raw)
    page = parsed(raw, encoding)
    title = page.findtext(".//title")
    yield {"title": " ".join(title.split())} if title else {}
    yield from sections(page)


def parsed(html: bytes | str, encoding: str | None = None) -> HtmlElement:
    """Return a page; raise DocumentRefused where the parser would leave something out."""
    parser = HTMLParser(encoding=encoding, no_network=True, huge_tree=True)
    page: HtmlElement = document_fromstring(html, parser=parser)
    if any(entry.type == ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise DocumentRefused("broken-document", "The page is nested too deeply.")
    return page


def sections(page: HtmlElement) -> Iterator[Section]:
    """Yield the sections of a parsed page."""
    for element in page.xpath(_NOT_READ):
        # Unlike `remove`, this leaves the text that follows the element.
        element.drop_tree()
    engine = Inscriptis(page, ParserConfig(annotation_rules=_RULES))
    whole, headings, begins = engine.get_text(), Headings(), 0
    for found in sorted(engine.get_annotations(), key=lambda annotation: annotation.start):
        if found.start > begins:
            yield Section(whole[begins : found.start], headings=headings.path)
        headings.enter(int(found.metadata[-1]), whole[found.start : found.end])
        begins = found.start
    if whole[begins:].strip():
        yield Section(whole[begins:] + "\n", headings=headings.path)
