"""What is known of a run where its events are committed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flowc.server.records.run_events import RunEvent


class RunFacts(NamedTuple):
    """Whose run it is, its workflow (None for a definition in a request), its start, its trace."""

    id: str
    tenant: str
    workflow_id: str | None
    started_at: datetime | None
    thread_id: str | None = None
    trace: str | None = None

    @classmethod
    def of(cls, run: Any, tenant: str) -> "RunFacts":
        """Return the facts of a run's record or row."""
        return cls(run.id, tenant, run.workflow_id, run.started_at, run.thread_id, run.trace)


# Gets a run's events when they are committed, once: in the process that commits them.
Committed = Callable[[RunFacts, Sequence[RunEvent]], None]
