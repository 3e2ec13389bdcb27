"""Is a value plain JSON, of a size and depth that every part of the house can carry?"""

import math
from typing import Any

from flowc.compiler.diagnostics import Pointer

MAX_DEPTH = 64
MAX_VALUES = 400_000
MAX_INTEGER = 1 << 256


class NotPlain(ValueError):
    """Whoever hands over a value that is not plain JSON meets this; `path` says where in it."""

    def __init__(self, code: str, message: str, path: Pointer) -> None:
        self.code, self.message, self.path = code, message, path
        super().__init__(message)


class _Culprit(Exception):
    """A value is not plain; where it stands is looked for only now."""

    def __init__(self, code: str, message: str, item: Any) -> None:
        self.code, self.message, self.item = code, message, item


def require_plain(value: Any, *, max_values: int = MAX_VALUES, max_text: int | None = None) -> None:
    """Raise NotPlain unless this is plain JSON: finite, of limited size, in well-formed text."""
    try:
        _require(value, max_values, max_text)
    except _Culprit as found:
        raise NotPlain(found.code, found.message, _path_to(found.item, value)) from None


def _require(value: Any, max_values: int, max_text: int | None) -> None:
    """Go through a value level by level; raise _Culprit."""
    values = characters = depth = 0
    level = [value]
    while level:
        values += len(level)
        if values > max_values:
            message = f"There are more than {max_values:,} values."
            raise _Culprit("document-too-large", message, value)
        if depth > MAX_DEPTH:
            message = f"It is nested over {MAX_DEPTH} levels deep."
            raise _Culprit("document-too-deep", message, level[0])
        below: list[Any] = []
        for item in level:
            characters += _require_item(item, below)
        if max_text is not None and characters > max_text:
            message = f"There are more than {max_text:,} characters."
            raise _Culprit("document-too-large", message, value)
        level = below
        depth += 1


def _require_item(item: Any, below: list[Any]) -> int:
    """Require one value to be plain; note what it holds, and return its number of characters."""
    if isinstance(item, str):
        return _require_text(item, item)
    if isinstance(item, dict):
        below += item.values()
        return sum([_require_text(key, item) for key in item])
    if isinstance(item, list):
        below += item
    else:
        _require_scalar(item)
    return 0


def _require_text(text: Any, holder: Any) -> int:
    if not isinstance(text, str):
        message = f"The key {str(text)[:60]!r} must be text."
        raise _Culprit("not-a-json-value", message, holder)
    if "\0" in text or (not text.isascii() and _has_surrogate(text)):
        message = "The text holds a NUL or half a surrogate pair."
        raise _Culprit("invalid-text", message, holder)
    return len(text)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _require_scalar(item: Any) -> None:
    if item is None or isinstance(item, bool):
        return
    if isinstance(item, int):
        if abs(item) >= MAX_INTEGER:
            message = "The number is too large (256 bits at most)."
            raise _Culprit("number-too-large", message, item)
        return
    if isinstance(item, float):
        if not math.isfinite(item):
            raise _Culprit("not-a-json-value", f"{item} is not a JSON value.", item)
        return
    name = type(item).__name__
    raise _Culprit("not-a-json-value", f"A value of type {name} is not plain JSON.", item)


def _path_to(culprit: Any, value: Any) -> Pointer:
    """Return where in a value this very object stands; it was just met there."""
    level: list[tuple[Any, Pointer]] = [(value, ())]
    while level:
        for item, path in level:
            if item is culprit:
                return path
        level = [(inner, (*path, key)) for item, path in level for key, inner in _keyed(item)]
    return ()


def _keyed(item: Any) -> Any:
    if isinstance(item, dict):
        return item.items()
    return enumerate(item) if isinstance(item, list) else ()
