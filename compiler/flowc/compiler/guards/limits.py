"""Limits on how many nodes work at once."""

from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from weakref import WeakValueDictionary

# The limits that this task and its parents hold already. A node in a body may be under the same
# limit as the node around it, and waiting for that place would never end.
_held: ContextVar[frozenset[str]] = ContextVar("held", default=frozenset())


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` nodes under this name work at once."""

    name: str
    most: int


class Limits:
    """The places in this process; `by_type` limits node types across all runs."""

    def __init__(self, by_type: Mapping[str, int] = MappingProxyType({})) -> None:
        self.by_type = dict(by_type)
        self._places: WeakValueDictionary[Limit, Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, limits: Iterable[Limit]) -> AsyncIterator[None]:
        """Wait for a place under each limit, one after the other, and hold them.

        Every caller must list limits in the same order, the widest last; otherwise two callers
        could wait for each other.
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
        # Only tasks that hold or await the semaphore keep it alive; without any, it can go.
        found = self._places.get(limit)
        if found is None:
            found = self._places[limit] = Semaphore(limit.most)
        return found
