"""Checks that a value is plain JSON, of a size and depth that every part of flowc can handle."""

import math
from functools import partial
from typing import Any

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.reading.large_values import (
    LARGE_TEXT,
    has_more_values,
    in_worker,
    load_json,
)

MAX_DEPTH = 64
MAX_VALUES = 400_000
MAX_INTEGER = 1 << 256


class NotPlain(ValueError):
    """The value is not plain JSON; `path` is the place of the culprit in it."""

    def __init__(self, code: str, message: str, path: Pointer) -> None:
        self.code, self.message, self.path = code, message, path
        super().__init__(message)


class _Culprit(Exception):
    """A value is not plain; only now is its path searched for."""

    def __init__(self, code: str, message: str, item: Any) -> None:
        self.code, self.message, self.item = code, message, item


def require_plain(value: Any, *, max_values: int = MAX_VALUES, max_text: int | None = None) -> None:
    """Raise NotPlain unless this is plain JSON: finite, of limited size, in well-formed text.

    >>> require_plain({"n": [1, 2.5, None]})
    >>> try:
    ...     require_plain({"n": [1, float("nan")]})
    ... except NotPlain as problem:
    ...     print(problem, problem.path)
    nan is not a JSON value. ('n', 1)
    """
    try:
        _require(value, max_values, max_text)
    except _Culprit as found:
        raise NotPlain(found.code, found.message, _path_to(found.item, value)) from None


def plain_from(text: str) -> Any:
    """Return the value of a JSON text from outside; raise ValueError unless it is plain JSON.

    >>> try:
    ...     plain_from('{"n": NaN}')
    ... except ValueError as problem:
    ...     print(problem)
    nan is not a JSON value.
    """
    if has_more_values(text, MAX_VALUES):
        raise _too_many(MAX_VALUES)
    try:
        value = load_json(text)
    except RecursionError:
        raise ValueError("The value is nested too deep.") from None
    require_plain(value)
    return value


async def read_plain(text: str) -> Any:
    """Return what `plain_from` does; a large text is read in a thread."""
    read = partial(plain_from, text)
    return await in_worker(read) if len(text) > LARGE_TEXT else read()


def _too_many(most: int) -> NotPlain:
    return NotPlain("document-too-large", f"There are more than {most:,} values.", ())


def _require(value: Any, max_values: int, max_text: int | None) -> None:
    """Check a value level by level, without recursion; raise _Culprit."""
    values = characters = depth = 0
    level = [value]
    while level:
        values += len(level)
        if values > max_values:
            message = f"There are more than {max_values:,} values."
            raise _Culprit("document-too-large", message, value)
        if depth > MAX_DEPTH:
            message = f"The value is nested more than {MAX_DEPTH} levels deep."
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
    """Require one value to be plain, add its items to `below`, and return its characters."""
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
        message = "The text contains a NUL character or half of a surrogate pair."
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
    """Return the path of this very object in a value that contains it."""
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
