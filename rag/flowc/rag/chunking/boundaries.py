"""Finds the best place to cut a text, from ends of paragraphs down to single characters."""

import re
import unicodedata

_ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "vs", "e.g", "i.e", "etc", "approx", "No",
                  "Nr", "bzw", "ca", "Fig", "Sec", "cf", "al")  # fmt: skip
_NOT_AFTER = "".join(rf"(?<!\b{re.escape(word)})" for word in _ABBREVIATIONS)
# An end mark, with the quotes and brackets that close after it, and blanks; the next sentence does
# not begin in lower case. Not after an abbreviation or an initial. Chinese and Japanese need no
# blank. An empty line ends a sentence, too.
_SENTENCE = re.compile(
    rf"{_NOT_AFTER}(?<!\b[A-Z])[.!?…]+[\"'”’)\]]*\s+(?=[^\sa-z])|[。！？]+[”’」』）]*|\n\s*\n\s*"  # noqa: RUF001 - as they are written
)
_BLANK = re.compile(r"\s+")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n\s*")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# A character with its accents, or an emoji of several characters, is taken to be no longer.
_MAX_CLUSTER = 64

# Patterns after which a text may be cut, the best first.
Levels = tuple[re.Pattern[str], ...]

RECURSIVE: Levels = (_PARAGRAPH, _LINE, _SENTENCE, _BLANK)
SENTENCES: Levels = (_SENTENCE, _BLANK)
NONE: Levels = ()


def last_cut(text: str, low: int, high: int, levels: Levels) -> int:
    """Return the best place to cut after `low` and up to `high`: the last one of the best level.

    >>> text = "One. Two three.\\n\\nFour"
    >>> last_cut(text, 2, 18, RECURSIVE), last_cut(text, 2, 12, RECURSIVE)
    (17, 5)
    >>> text[:17], text[:5]
    ('One. Two three.\\n\\n', 'One. ')
    """
    for level in levels:
        found = 0
        for match in level.finditer(text, low, high):
            found = match.end()
        if found > low:
            return found
    return _whole_character(text, low, high)


def first_cut(text: str, low: int, high: int, levels: Levels) -> int:
    """Return the first good place to begin from `low` on and before `high`, else `low`.

    It begins an overlap. The best level is not used: an overlap that had to begin with a paragraph
    would usually be empty.
    """
    for level in levels[1:] or levels:
        match = level.search(text, low, high)
        if match is not None and match.end() < high:
            return match.end()
    return _whole_character(text, max(0, low - _MAX_CLUSTER), low)


def _whole_character(text: str, low: int, high: int) -> int:
    """Return the last place up to `high` that splits no accented character and no emoji."""
    at = high
    while at > low + 1 and high - at < _MAX_CLUSTER and _is_within(text, at):
        at -= 1
    return at if not _is_within(text, at) else high


def _is_within(text: str, at: int) -> bool:
    """Return whether the characters on both sides of a place belong together."""
    if not 0 < at < len(text):
        return False
    following = text[at]
    if following.isascii():
        return following == "\n" and text[at - 1] == "\r"
    return (
        following in _JOINERS
        or text[at - 1] == "\u200d"
        or ord(following) in _SKIN_TONES
        or unicodedata.category(following) in ("Mn", "Me", "Mc")
    )
