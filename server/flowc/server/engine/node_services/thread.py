"""What do nodes learn of the conversation that their run is a turn of?"""

from dataclasses import dataclass

from flowc.nodes.services.threads import Thread, ThreadMessage
from flowc.server.store.threads import StoredThreads


@dataclass(frozen=True)
class StoredThread(Thread):
    """The thread of one run, as it was when the run began."""

    threads: StoredThreads
    id: str
    run_id: str

    async def history(self, after: int = 0) -> list[ThreadMessage]:
        """Return what was said before, after a number."""
        found = await self.threads.history(self.id, self.run_id, after)
        return [ThreadMessage(each.number, each.role, each.content) for each in found]

    async def summary(self) -> tuple[int, str]:
        """Return what was said up to a number, in short."""
        return await self.threads.summary(self.id)

    async def sum_up(self, number: int, summary: str) -> None:
        """Keep what was said up to a number, in short."""
        await self.threads.sum_up(self.id, number, summary)
