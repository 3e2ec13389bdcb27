"""The conversation of a run, as its nodes read it."""

from dataclasses import dataclass

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
