"""What follows from a transition: work that is put in a queue, in the same transaction."""

from typing import Literal, Protocol

from sqlalchemy.orm import Session

# Something small that is to be done once: look at an interrupt whose time may be over; try to
# deliver a message; begin what depended on a run.
Errand = Literal["wake", "deliver", "depend"]


class Work(Protocol):
    """What puts work in a queue, within a transaction."""

    def enqueue(
        self, session: Session, run_id: str, segment: int, priority: int, delay: float | None = None
    ) -> None:
        """Have a segment of a run worked on, after some seconds."""
        ...

    def errand(
        self, session: Session, errand: Errand, subject: str, run_id: str, seconds: float = 0.0
    ) -> None:
        """Have an errand done after some seconds, which is forgotten with its run."""
        ...
