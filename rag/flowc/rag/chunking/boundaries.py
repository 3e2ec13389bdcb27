"""Where may a text be cut, from the best place to the worst?"""

import re
import unicodedata

_ABBREVIATIONS = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "vs", "e.g", "i.e", "etc", "approx", "No",
                  "Nr", "bzw", "ca", "Fig", "Sec", "cf", "al")  # fmt: skip
_NOT_AFTER = "".join(rf"(?<!\b{re.escape(word)})" for word in _ABBREVIATIONS)
# After the marks that end a sentence, or the quotes and brackets that close after them.
_SENTENCE = re.compile(
    rf"{_NOT_AFTER}(?<!\b[A-Z])[.!?…]+[\"'”’)\]]*\s+(?=[^\sa-z])|[。！？]+[”’」』）]*|\n\s*\n\s*"  # noqa: RUF001 - as they are written
)
_BLANK = re.compile(r"\s+")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n\s*")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_MAX_CLUSTER = 64

Levels = tuple[re.Pattern[str], ...]

RECURSIVE: Levels = (_PARAGRAPH, _LINE, _SENTENCE, _BLANK)
SENTENCES: Levels = (_SENTENCE, _BLANK)
NONE: Levels = ()


def last_cut(text: str, low: int, high: int, levels: Levels) -> int:
    """Return the best place to cut after `low` and no later than `high`."""
    for level in levels:
        found = 0
        for match in level.finditer(text, low, high):
            found = match.end()
        if found > low:
            return found
    return _whole_character(text, low, high)


def first_cut(text: str, low: int, high: int, levels: Levels) -> int:
    """Return the first good place from `low` on to begin at, before `high`; else `low`."""
    for level in levels[1:] or levels:
        match = level.search(text, low, high)
        if match is not None and match.end() < high:
            return match.end()
    return _whole_character(text, max(0, low - _MAX_CLUSTER), low)


def _whole_character(text: str, low: int, high: int) -> int:
    """Return the last place that cuts off no accent, and parts no emoji, at `high` or before."""
    at = high
    while at > low + 1 and high - at < _MAX_CLUSTER and _is_within(text, at):
        at -= 1
    return at if not _is_within(text, at) else high


def _is_within(text: str, at: int) -> bool:
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
