"""Where do signals go that a workflow sends?"""

from typing import Any


class Signals:
    """What a host offers that keeps signals until a run has taken them."""

    async def send(self, name: str, key: str, data: Any, *, id: str) -> None:
        """Send a signal once, however often this is said with the same id."""
        raise NotImplementedError
