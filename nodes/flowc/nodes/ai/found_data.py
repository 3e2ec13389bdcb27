"""Finds JSON in what a model wrote: alone, in a fenced block, or among sentences."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r"```[ \t]*[\w+-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
# Texts in quotes, and what JSON does not know outside of them.
_PARTS = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])|\b(?:True|False|None)\b',
    re.DOTALL,
)
_WORDS = {"True": "true", "False": "false", "None": "null", ",": ""}
_PAIRS = {"{": "}", "[": "]"}
# Most places in a text where JSON is looked for.
_MOST_PLACES, _MOST_FOUND = 60, 20


def json_texts(text: str) -> list[str]:
    """Return the parts of a text that may be JSON, the most probable one first.

    >>> json_texts('Like {this}: {"n": 1}.')
    ['{"n": 1}', '{this}']
    """
    whole = text.strip()
    found = [whole] if whole[:1] in {*_PAIRS, '"'} or not re.search(r"[{\[]", whole) else []
    for block in _FENCE.findall(whole):
        found += [block.strip(), *reversed(list(_spans(block)))]
    # What a model writes last is its answer; what is before that are its considerations.
    found += reversed(list(_spans(whole)))
    unique = dict.fromkeys(each for each in found if each)
    return list(unique)[:_MOST_FOUND]


def _spans(text: str) -> Iterator[str]:
    """Yield the outermost parts of a text that have matching brackets."""
    start = 0
    for _ in range(_MOST_PLACES):
        opening = re.compile(r"[{\[]").search(text, start)
        if opening is None:
            return
        end = _end_of(text, opening.start())
        if end is not None:
            yield text[opening.start() : end]
        start = end if end is not None else opening.end()


def _end_of(text: str, start: int) -> int | None:
    """Return where the bracket at a place is closed; None if it is not."""
    waiting: list[str] = []
    for found in re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL).finditer(text, start):
        sign = found.group()
        if sign in _PAIRS:
            waiting.append(_PAIRS[sign])
        elif sign in {"}", "]"}:
            if waiting.pop() != sign:
                return None
            if not waiting:
                return found.end()
    return None


def repaired(text: str) -> str:
    """Return a text as JSON: without comments and commas at the end, with JSON's own words.

    >>> repaired("{'a': True, // yes\\n 'b': [1, 2,],}")
    '{"a": true, \\n "b": [1, 2]}'
    """
    return _PARTS.sub(lambda found: _as_json(found.group()), text)


def _as_json(part: str) -> str:
    if part.startswith('"'):
        return part
    if part.startswith("'"):
        inner = part[1:-1].replace("\\'", "'").replace('"', '\\"')
        return f'"{inner}"'
    return _WORDS.get(part, "")
