"""Where are outcomes kept that need not be worked out again?"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from cachetools import TLRUCache

MAX_BYTES = 64_000_000


class NodeCache(Protocol):
    """Keeps texts by keys for some time; what is one tenant's has a key that no other has."""

    def get(self, key: str) -> Coroutine[Any, Any, str | None]:
        """Return what is kept under a key, unless its time is over."""
        ...

    def put(self, key: str, text: str, ttl: float) -> Coroutine[Any, Any, None]:
        """Keep a text for `ttl` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    ttl: float


def _expiry(key: str, entry: _Entry, now: float) -> float:
    return now + entry.ttl


def _size(entry: _Entry) -> int:
    return len(entry.text)


class MemoryCache:
    """Keeps texts in this process; the ones not asked for the longest go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._kept: TLRUCache[str, _Entry] = TLRUCache(max_bytes, _expiry, getsizeof=_size)

    async def get(self, key: str) -> str | None:
        """Return what is kept under a key, unless its time is over."""
        entry = self._kept.get(key)
        return entry.text if entry is not None else None

    async def put(self, key: str, text: str, ttl: float) -> None:
        """Keep a text for `ttl` seconds, if it is not larger than all that can be kept."""
        if len(text) <= self._kept.maxsize:
            self._kept[key] = _Entry(text, ttl)
