"""Which searches are under way? What they may find must not change under them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Searches:
    """The searches of one process."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Event] = set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a search count as under way."""
        over = asyncio.Event()
        self._under_way.add(over)
        try:
            yield
        finally:
            self._under_way.remove(over)
            over.set()

    async def over(self) -> None:
        """Wait until the searches that are under way now are over; later ones may go on."""
        for search in tuple(self._under_way):
            await search.wait()
