"""Reads a Markdown text under its headings."""

from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from typing import BinaryIO

from markdown_it import MarkdownIt

from flowc.rag.documents import Section
from flowc.rag.reading.formats import ParsingOptions, text
from flowc.rag.reading.headings import Headings

# A longer text is parsed in parts; each ends after an empty line.
PART = 1 << 20


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section]:
    """Yield a section for each heading, its text as written."""
    headings, rest = Headings(), ""
    for piece in text.decoded(file):
        rest += piece
        if len(rest) > PART:
            cut = rest.rfind("\n\n") + 2 if "\n\n" in rest else len(rest)
            yield from _sections(rest[:cut], headings)
            rest = rest[cut:]
    yield from _sections(rest, headings)


def _sections(markdown: str, headings: Headings) -> Iterator[Section]:
    # Not `splitlines`, which also splits at characters that do not end a line in Markdown.
    lines, begins = list(StringIO(markdown, newline="\n")), 0
    tokens = MarkdownIt("commonmark").disable(["inline"]).parse(markdown)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.map and not token.level:
            if token.map[0] > begins:
                yield Section("".join(lines[begins : token.map[0]]), headings=headings.path)
            begins = token.map[0]
            headings.enter(int(token.tag[1]), inline.content.strip())
    if begins < len(lines):
        yield Section("".join(lines[begins:]), headings=headings.path)
