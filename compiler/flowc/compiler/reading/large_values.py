"""Works on large values in a thread, without holding up an event loop for long.

Python's JSON reader does not let other threads run while it reads. So a large text is not read at
all if it has more values than may be in one, and numbers are read by functions of Python, between
which others get their turn. Such values hold no cycles: nothing is searched for garbage meanwhile.
"""

import asyncio
import gc
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

# A text of fewer characters is read in a few milliseconds, and fewer values are checked in that.
LARGE_TEXT = 50_000
LARGE_COUNT = 10_000
# As many items of a list are written at a time.
_AT_ONCE = 500
_ENCODER = json.JSONEncoder()

_SEPARATORS = ",[{"
# Each value but the first follows one of these; what is empty has none in it.
_TEXTS_AND_SEPARATORS = re.compile(r'"(?:[^"\\]|\\.)*"|,|[\[{](?!\s*[\]}])', re.DOTALL)


def is_large(value: Any) -> bool:
    """Return whether a value has more values in it than the event loop should work on.

    >>> is_large({"n": [1, 2, 3]}), is_large([{"n": [0] * 10_000}])
    (False, True)
    """
    found = [value]
    # It grows while it is gone through.
    for item in found:
        if isinstance(item, list):
            found += item
        elif isinstance(item, dict):
            found += item.values()
        if len(found) > LARGE_COUNT:
            return True
    return False


async def in_worker(work: Callable[[], T]) -> T:
    """Return the result of work on large values, which is done in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _WORKER.do, work)


def has_more_values(text: str, most: int) -> bool:
    """Return whether there are more values than that in a JSON text.

    >>> has_more_values('[1, ", , ,", []]', 4), has_more_values('[1, ", , ,", []]', 3)
    (False, True)
    """
    if len(text) <= most or sum(map(text.count, _SEPARATORS)) < most:
        return False
    count = 1
    for match in _TEXTS_AND_SEPARATORS.finditer(text):
        if count > most:
            break
        count += match[0] in _SEPARATORS
    return count > most


def load_json(text: str, **hooks: Any) -> Any:
    """Return what `json.loads` does; while a large text is read, other threads get their turn."""
    if len(text) > LARGE_TEXT:
        hooks = {"parse_int": _integer, "parse_float": _number, **hooks}
    return json.loads(text, **hooks)


def dump_json(value: Any, encoder: json.JSONEncoder = _ENCODER) -> str:
    """Return what an encoder writes; while a large value is written, other threads get their turn.

    >>> large = {"a": [[1, {"b": 2.5}]] * 9_000, "c": "d"}
    >>> dump_json(large) == json.dumps(large)
    True
    """
    return "".join(_pieces(value, encoder)) if is_large(value) else encoder.encode(value)


def _pieces(value: Any, encoder: json.JSONEncoder) -> Iterator[str]:
    """Yield the JSON text of a value, each piece of it written at once."""
    if not is_large(value):
        yield encoder.encode(value)
    elif isinstance(value, dict):
        for number, (key, item) in enumerate(value.items()):
            yield encoder.item_separator if number else "{"
            yield encoder.encode(key) + encoder.key_separator
            yield from _pieces(item, encoder)
        yield "}"
    else:
        for start in range(0, len(value), _AT_ONCE):
            part = value[start : start + _AT_ONCE]
            yield encoder.item_separator if start else "["
            yield from _items(part, encoder) if is_large(part) else (encoder.encode(part)[1:-1],)
        yield "]"


def _items(values: list[Any], encoder: json.JSONEncoder) -> Iterator[str]:
    for number, item in enumerate(values):
        yield encoder.item_separator if number else ""
        yield from _pieces(item, encoder)


def _integer(text: str) -> int:
    return int(text)


def _number(text: str) -> float:
    return float(text)


@cache
def _threads() -> ThreadPoolExecutor:
    # As for schemas: values that take long are worked on a few at a time.
    return ThreadPoolExecutor(2, thread_name_prefix="flowc-values")


class _Worker:
    """Work during which nothing is searched for garbage; that would take longer than the work."""

    def __init__(self) -> None:
        self._lock, self._at_work, self._was_on = threading.Lock(), 0, False

    def do(self, work: Callable[[], T]) -> T:
        with self._without_collection():
            return work()

    @contextmanager
    def _without_collection(self) -> Iterator[None]:
        with self._lock:
            if not self._at_work:
                self._was_on = gc.isenabled()
                gc.disable()
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                if not self._at_work and self._was_on:
                    gc.enable()


_WORKER = _Worker()
