"""Signals that nodes send to waiting runs."""

from typing import Any


class Signals:
    """Stores signals until the runs that wait for them have received them."""

    async def send(self, name: str, key: str, data: Any, *, id: str) -> None:
        """Send a signal; a second call with the same id does nothing."""
        raise NotImplementedError
