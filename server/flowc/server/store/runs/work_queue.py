"""The queue as transitions see it: they put work in it, in their own transaction."""

from typing import Literal, NamedTuple, Protocol

from sqlalchemy.orm import Session

from flowc.server.access.callers import DEFAULT_TENANT

# Something small to do once: look at an interrupt whose time may be over ("wake"), try to deliver
# a message to a subscriber, or start the workflows that depend on a run.
Errand = Literal["wake", "deliver", "depend"]
# The PostgreSQL channel on which other processes are notified of segments to be worked on now.
QUEUE_CHANNEL = "flowc_queue"


class Subject(NamedTuple):
    """What an errand is about: the id of something of a tenant."""

    tenant: str
    id: str

    @classmethod
    def read(cls, text: str) -> "Subject":
        """Return the subject that a text names; without a tenant, it is of the first one.

        >>> Subject.read("acme/msg_1"), Subject.read("msg_1")
        (Subject(tenant='acme', id='msg_1'), Subject(tenant='default', id='msg_1'))
        """
        tenant, _, id = text.rpartition("/")
        return cls(tenant or DEFAULT_TENANT, id)

    def __str__(self) -> str:
        return f"{self.tenant}/{self.id}"


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
