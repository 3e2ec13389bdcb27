"""Changes of the values of a paused run."""

from sqlalchemy.orm import Session

from flowc.compiler.running.event_data import RunChangedData
from flowc.compiler.running.events import RUN_CHANGED
from flowc.server.records.refused import Refused
from flowc.server.store.database import Database, writing
from flowc.server.store.runs.transitions import append_event, locked


class NotStopped(Refused):
    """Values can be changed only in a run that is paused, such as at a breakpoint."""


class StoredChanges:
    """Appends changes to the events of runs, from which the next worker takes them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @writing
    def append(
        self, session: Session, tenant: str, run_id: str, last: int, change: RunChangedData
    ) -> None:
        """Append a change after the event with the number `last`; raise NoSuchRun or NotStopped."""
        row = locked(session, run_id, tenant)
        if row.status != "paused":
            raise NotStopped(f"The run is {row.status}, not paused: pause it to change values.")
        if row.events != last:
            raise NotStopped("The run was changed meanwhile: look at its state, and try again.")
        append_event(session, row, RUN_CHANGED.of_run(change))
