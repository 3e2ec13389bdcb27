"""Shows a value in a message: its kind, and its JSON, shortened."""

import json
from collections.abc import Iterator
from typing import Any

from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.values import kind_of, plain_scalar

MAX_SHOWN = 200
# The most characters of a value within a sentence.
MAX_IN_SENTENCE = 80
_MAX_DEPTH = 6
_KINDS = {"text": "text", "object": "an object"}


def shortened(value: Any, most: int = MAX_SHOWN) -> str:
    """Return a value as JSON of at most `most` characters; a large value takes no longer.

    >>> shortened({"name": "Ada", "tags": ["a", "b"]}), shortened("abcdefgh" * 1000, 8)
    ('{"name": "Ada", "tags": ["a", "b"]}', '"abcdef…')
    """
    part = _Part(most)
    text = json.dumps(part.of(value), ensure_ascii=False)
    return text if len(text) <= most and not part.is_cut else f"{text[: most - 1]}…"


def described(value: Any, masked: Any, *, is_secret: bool = False) -> str:
    """Return what a value is, with its `masked` form unless it comes from a secret.

    >>> described("a", "a"), described([1], [1]), described(None, None), described(3, 3)
    ('text ("a")', 'a list ([1])', 'null', 'a number (3)')
    >>> described("sesame", "[secret]", is_secret=True)
    'text'
    """
    kind = kind_of(value)
    if value is None or (kind == "boolean" and not is_secret):
        return shortened(value)
    name = _KINDS.get(kind, f"a {kind}")
    return name if is_secret else f"{name} ({shortened(masked, MAX_IN_SENTENCE)})"


class _Part:
    """The beginning of a value, up to about `room` characters of JSON."""

    def __init__(self, room: int) -> None:
        self.room, self.is_cut = room, False

    def of(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            part = value[: max(self.room, 0)]
            self.is_cut |= len(part) < len(value)
            self.room -= len(part)
            return part
        if isinstance(value, (list, dict)) and depth == _MAX_DEPTH:
            self.is_cut |= bool(value)
            return "…" if value else value
        if isinstance(value, list):
            return list(self._items(value, depth))
        if isinstance(value, dict):
            return {self.of(str(key)): self.of(value[key], depth + 1) for key in self._few(value)}
        self.room -= 1
        return value if value is None or isinstance(value, (bool, int, float)) else _plain(value)

    def _items(self, value: list[Any], depth: int) -> Iterator[Any]:
        for item in self._few(value):
            yield self.of(item, depth + 1)

    def _few(self, values: Any) -> Iterator[Any]:
        for value in values:
            if self.room <= 0:
                self.is_cut = True
                return
            self.room -= 2
            yield value


def _plain(value: Any) -> Any:
    try:
        return plain_scalar(value)
    except ExpressionError:
        return kind_of(value)
