"""Is a value plain JSON, of a size and depth that every part of the house can carry?"""

import math
from typing import Any

from flowc.compiler.diagnostics import Pointer

MAX_DEPTH = 64
MAX_VALUES = 400_000
MAX_INTEGER = 1 << 256
SMALL, SMALL_TEXT = 32, 10_000


class NotPlain(ValueError):
    """Whoever hands over a value that is not plain JSON meets this; `path` says where in it."""

    def __init__(self, code: str, message: str, path: Pointer) -> None:
        self.code, self.message, self.path = code, message, path
        super().__init__(message)


def require_plain(value: Any, *, max_values: int = MAX_VALUES, max_text: int | None = None) -> None:
    """Raise NotPlain unless this is plain JSON: finite, of limited size, in well-formed text."""
    if _is_small_and_plain(value):
        return
    values = characters = 0
    todo: list[tuple[Any, Pointer]] = [(value, ())]
    while todo:
        item, path = todo.pop()
        values += 1
        characters += _require_item(item, path)
        if values > max_values:
            raise NotPlain("document-too-large", f"There are more than {max_values:,} values.", ())
        if max_text is not None and characters > max_text:
            message = f"There are more than {max_text:,} characters."
            raise NotPlain("document-too-large", message, ())
        if isinstance(item, dict):
            todo.extend((child, (*path, key)) for key, child in item.items())
        elif isinstance(item, list):
            todo.extend((child, (*path, index)) for index, child in enumerate(item))


def _is_small_and_plain(value: Any) -> bool:
    """Say whether a value is beyond doubt: a few ASCII texts and small numbers, hardly nested."""
    if type(value) is not dict or len(value) > SMALL:
        return _is_small_scalar(value)
    return all(type(key) is str and key.isascii() and "\0" not in key for key in value) and all(
        map(_is_small_scalar, value.values())
    )


def _is_small_scalar(item: Any) -> bool:
    if type(item) is str:
        return len(item) < SMALL_TEXT and item.isascii() and "\0" not in item
    if type(item) is int:
        return -MAX_INTEGER < item < MAX_INTEGER
    return item is None or item is True or item is False


def _require_item(item: Any, path: Pointer) -> int:
    """Require one value to be plain, what it holds aside; return its number of characters."""
    if len(path) > MAX_DEPTH:
        raise NotPlain("document-too-deep", f"It is nested over {MAX_DEPTH} levels deep.", path)
    if isinstance(item, str):
        return _require_text(item, path)
    if isinstance(item, dict):
        return sum(_require_text(key, path) for key in item)
    if not isinstance(item, list):
        _require_scalar(item, path)
    return 0


def _require_text(text: Any, path: Pointer) -> int:
    if not isinstance(text, str):
        raise NotPlain("not-a-json-value", f"The key {str(text)[:60]!r} must be text.", path)
    if text.isascii():
        if "\0" in text:
            raise NotPlain("invalid-text", "The text holds a NUL character.", path)
        return len(text)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise NotPlain("invalid-text", "The text holds a NUL or half a surrogate pair.", path)
    return len(text)


def _require_scalar(item: Any, path: Pointer) -> None:
    if item is None or isinstance(item, bool):
        return
    if isinstance(item, int):
        if abs(item) >= MAX_INTEGER:
            raise NotPlain("number-too-large", "The number is too large (256 bits at most).", path)
        return
    if isinstance(item, float):
        if not math.isfinite(item):
            raise NotPlain("not-a-json-value", f"{item} is not a JSON value.", path)
        return
    name = type(item).__name__
    raise NotPlain("not-a-json-value", f"A value of type {name} is not plain JSON.", path)
