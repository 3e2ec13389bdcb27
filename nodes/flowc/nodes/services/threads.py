"""The conversation that a run belongs to, as nodes read it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class ThreadMessage(NamedTuple):
    """One message; `content` is a text, or a list of parts. Numbers rise by time.

    `more` can have the `name` of who wrote it, the `tool_calls` that the message requests, or the
    `tool_call_id` of the call that it is the result of.
    """

    number: int
    role: str
    content: Any
    more: Mapping[str, Any] = MappingProxyType({})


class Thread(ABC):
    """The conversation of one run."""

    @abstractmethod
    async def history(self, after: int = 0) -> list[ThreadMessage]:
        """Return the messages before this run with a higher number than `after`, in order."""

    @abstractmethod
    async def summary(self) -> tuple[int, str]:
        """Return the number of the last message summed up, and the summary; (0, "") without one."""

    @abstractmethod
    async def sum_up(self, number: int, summary: str) -> None:
        """Store the summary of the messages up to a number."""
