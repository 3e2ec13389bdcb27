"""Writes a value in the notation that a YAML or JSON document has it in."""

import json
import re
from typing import Any

# Texts that mean themselves without quotes, also in brackets.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
# A block without the end of its last line.
_BLOCK = re.compile(r"[|>]-[^\r\n]*(?:\r\n|\r|\n)\s*")
_OTHER_VALUES = frozenset({"null", "true", "false"})


def written_like(raw: str, new: Any, is_json: bool) -> str:
    """Return a value as it is written in the place of another one, with the same quotes.

    >>> written_like("a", "b c", False), written_like("'a'", "it's", False)
    ('b c', "'it''s'")
    >>> written_like("a", "true", False), written_like('"a"', "b", True)
    ('"true"', '"b"')
    """
    if not isinstance(new, str) or is_json or raw[:1] == '"':
        return json.dumps(new, ensure_ascii=False)
    block = _BLOCK.match(raw)
    if block is not None and new.isprintable() and new.strip() == new:
        return block[0] + new
    if raw[:1] == "'" and new.isprintable():
        return "'" + new.replace("'", "''") + "'"
    return new if _is_plain(new) else json.dumps(new, ensure_ascii=False)


def part_written_like(raw: str, new: str) -> str | None:
    """Return a part of a text as it is written inside the text; None if it cannot be there.

    >>> part_written_like('"Hi {{a}}"', 'a["b"]'), part_written_like("Hi {{a}}", "b.output")
    ('a[\\\\"b\\\\"]', 'b.output')
    """
    if raw[:1] == '"':
        return json.dumps(new, ensure_ascii=False)[1:-1]
    if raw[:1] == "'":
        return new.replace("'", "''")
    is_safe = new.isprintable() and ": " not in new and " #" not in new
    return new if raw[:1] in {"|", ">"} or is_safe else None


def _is_plain(new: str) -> bool:
    return _PLAIN.fullmatch(new) is not None and new.lower() not in _OTHER_VALUES
