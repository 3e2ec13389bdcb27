"""Under which headings does each part of a Markdown text stand?"""

from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from typing import BinaryIO

from markdown_it import MarkdownIt

from flowc.rag.documents import Section
from flowc.rag.reading.formats import text
from flowc.rag.reading.headings import Headings

# A text beyond this is read in parts, each beginning at a heading or an empty line.
PART = 1 << 20


def read(file: BinaryIO) -> Iterator[Section]:
    """Give a section for each heading; the text is as it was written."""
    headings, rest = Headings(), ""
    for piece in text.decoded(file):
        rest += piece
        if len(rest) > PART:
            cut = rest.rfind("\n\n") + 2 if "\n\n" in rest else len(rest)
            yield from _sections(rest[:cut], headings)
            rest = rest[cut:]
    yield from _sections(rest, headings)


def _sections(markdown: str, headings: Headings) -> Iterator[Section]:
    # Lines as Markdown has them: not all that Python takes for a line's end is one there.
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
