"""An interrupt: what a run waits for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flowc.server.records.times import json_of

InterruptStatus = Literal["waiting", "answered", "late", "closed"]


@dataclass
class InterruptRecord:
    """What a run waits for, or has waited for: a person, a signal, a moment, a breakpoint.

    The workflow is that of the run, if that is a stored one.
    """

    id: str
    run_id: str
    node_id: str
    path: str
    kind: str
    status: InterruptStatus
    data: dict[str, Any]
    answer: Any
    created_at: datetime
    due_at: datetime | None
    answered_at: datetime | None
    answered_by: str | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return json_of(self, vars(self))
