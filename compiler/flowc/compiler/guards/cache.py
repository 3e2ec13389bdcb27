"""Caches for the outcomes of nodes."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from cachetools import TLRUCache

MAX_BYTES = 64_000_000


class NodeCache(Protocol):
    """Stores texts by key for a limited time; the tenant is part of each key."""

    def get(self, key: str) -> Coroutine[Any, Any, str | None]:
        """Return the text stored under a key, or None if there is none or it has expired."""
        ...

    def put(self, key: str, text: str, ttl: float) -> Coroutine[Any, Any, None]:
        """Store a text for `ttl` seconds."""
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
    """Stores texts in this process; when it is full, the least recently used ones go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._entries: TLRUCache[str, _Entry] = TLRUCache(max_bytes, _expiry, getsizeof=_size)

    async def get(self, key: str) -> str | None:
        """Return the text stored under a key, or None if there is none or it has expired."""
        entry = self._entries.get(key)
        return entry.text if entry is not None else None

    async def put(self, key: str, text: str, ttl: float) -> None:
        """Store a text for `ttl` seconds, unless it is larger than the whole cache."""
        if len(text) <= self._entries.maxsize:
            self._entries[key] = _Entry(text, ttl)
