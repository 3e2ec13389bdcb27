"""The journal of a region: what its nodes did, stored until the region ends."""

from typing import Protocol

from flowc.compiler.node import Outcome


class Journal(Protocol):
    """The outcomes of a region's nodes, stored until the region ends."""

    def recorded(self, key: str) -> Outcome | None:
        """Return the outcome under this key from an earlier attempt, or None."""
        ...

    def record(self, key: str, outcome: Outcome) -> None:
        """Store an outcome; it is durable soon after."""
        ...

    async def flush(self) -> None:
        """Wait until everything is durable."""
        ...


class NoJournal:
    """The journal of a run without a checkpointer: it stores nothing."""

    def recorded(self, key: str) -> Outcome | None:
        """Return None."""
        return None

    def record(self, key: str, outcome: Outcome) -> None:
        """Do nothing."""

    async def flush(self) -> None:
        """Do nothing."""
