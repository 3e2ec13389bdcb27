"""The conversation of a run, as its nodes read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowc.nodes.services.threads import Thread, ThreadMessage
from flowc.server.store.threads import StoredThreads


@dataclass(frozen=True)
class StoredThread(Thread):
    """The thread of one run, as it was when the run started."""

    threads: StoredThreads
    id: str
    run_id: str

    async def history(self, after: int = 0) -> list[ThreadMessage]:
        """Return the messages before this run with numbers greater than `after`."""
        found = await self.threads.history(self.id, self.run_id, after)
        return [ThreadMessage(each.number, each.role, each.content) for each in found]

    async def summary(self) -> tuple[int, str]:
        """Return the number up to which the thread is summed up, and the summary."""
        return await self.threads.summary(self.id)

    async def sum_up(self, number: int, summary: str) -> None:
        """Store a summary of the messages up to a number."""
        await self.threads.sum_up(self.id, number, summary)


@dataclass(frozen=True)
class SentThread(Thread):
    """A conversation that the caller of a run has sent with it: its messages up to the last one."""

    messages: Sequence[Mapping[str, Any]]

    async def history(self, after: int = 0) -> list[ThreadMessage]:
        """Return the messages before the last one, with numbers greater than `after`."""
        earlier = enumerate(self.messages[:-1], start=1)
        return [_sent(number, message) for number, message in earlier if number > after]

    async def summary(self) -> tuple[int, str]:
        """Return that nothing is summed up."""
        return 0, ""

    async def sum_up(self, number: int, summary: str) -> None:
        """Store nothing: the caller keeps the conversation."""


def _sent(number: int, message: Mapping[str, Any]) -> ThreadMessage:
    names = ("name", "tool_calls", "tool_call_id")
    more = {name: message[name] for name in names if name in message}
    return ThreadMessage(number, str(message.get("role", "user")), message.get("content"), more)
