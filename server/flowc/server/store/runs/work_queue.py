"""The queue as transitions see it: they put work in it, in their own transaction."""

from typing import Literal, Protocol

from sqlalchemy.orm import Session

# Something small to do once: look at an interrupt whose time may be over ("wake"), try to deliver
# a message to a subscriber, or start the workflows that depend on a run.
Errand = Literal["wake", "deliver", "depend"]
# The PostgreSQL channel on which other processes are notified of segments to be worked on now.
QUEUE_CHANNEL = "flowc_queue"


class WorkQueue(Protocol):
    """Takes work within a transaction: it is queued if, and only if, the transaction commits."""

    def enqueue(
        self, session: Session, run_id: str, segment: int, priority: int, delay: float | None = None
    ) -> None:
        """Queue a segment of a run, to be worked on after some seconds."""
        ...

    def errand(
        self, session: Session, errand: Errand, subject: str, run_id: str, seconds: float = 0.0
    ) -> None:
        """Queue an errand, to be done after some seconds; it is deleted with its run."""
        ...
