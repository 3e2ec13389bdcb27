"""What was said in the conversation that a run is a turn of?"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple


class ThreadMessage(NamedTuple):
    """One message; `content` is a text, or a list of parts."""

    number: int
    role: str
    content: Any


class Thread(ABC):
    """The conversation of one run."""

    @abstractmethod
    async def history(self, after: int = 0) -> list[ThreadMessage]:
        """Return what was said before this run, after a number, in order."""

    @abstractmethod
    async def summary(self) -> tuple[int, str]:
        """Return what was said up to a number, in short; (0, "") if nothing was summed up."""

    @abstractmethod
    async def sum_up(self, number: int, summary: str) -> None:
        """Keep what was said up to a number, in short."""
