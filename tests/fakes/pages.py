"""Markdown pages: their blocks of code, and whether what a command prints is what a page shows."""

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"…|\d+ ms|\b[0-9a-f]{8}-[0-9a-f-]{27}\b")


class Block(NamedTuple):
    """A fenced block of code."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return a page's fenced blocks, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def commands(page: Path) -> list[tuple[str, str]]:
    """Return each `sh` block with the `text` block after it, which shows what it prints."""
    found = [*blocks(page), Block("", "")]
    return [
        (block.text, after.text if after.language == "text" else "")
        for block, after in pairwise(found)
        if block.language == "sh"
    ]


def is_as_shown(printed: str, shown: str) -> bool:
    """Return whether a text is as a page shows it: `…`, ids of runs and times may be anything."""
    parts = re.split(_VARIES, _tidied(shown))
    return re.fullmatch(".*?".join(map(re.escape, parts)), _tidied(printed), re.DOTALL) is not None


def _tidied(text: str) -> str:
    """Return the text with one space between words, since times are set in columns."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
