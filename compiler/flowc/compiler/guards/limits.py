"""How many nodes may work at once?"""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from weakref import WeakValueDictionary

# What this task, and those that it was begun by, hold already: a node may run a body in which a
# node has the same limit.
_held: ContextVar[frozenset[str]] = ContextVar("held", default=frozenset())


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` nodes work at once under this name."""

    name: str
    most: int


class Limits:
    """The places there are in this process; `by_type` limits node types across all runs."""

    def __init__(self, by_type: Mapping[str, int] = MappingProxyType({})) -> None:
        self.by_type = dict(by_type)
        self._places: WeakValueDictionary[Limit, Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, limits: Iterable[Limit]) -> AsyncIterator[None]:
        """Wait for a place under each limit, one after the other, and hold them.

        All must ask in the same order, the wider limit last, or they wait for each other.
        """
        before = _held.get()
        wanted = [limit for limit in limits if limit.name not in before]
        async with AsyncExitStack() as places:
            for limit in wanted:
                await places.enter_async_context(self._place(limit))
            token = _held.set(before | {limit.name for limit in wanted})
            try:
                yield
            finally:
                _held.reset(token)

    def _place(self, limit: Limit) -> Semaphore:
        # Those who wait or hold keep it alive, and nobody else.
        found = self._places.get(limit)
        if found is None:
            found = self._places[limit] = Semaphore(limit.most)
        return found
