"""The events of a run: their kinds, and for each kind the type of its data.

A node *emits* an event, the run's writer *appends* it to the event log, the transaction *commits*
it, and only then it is *published* to those that watch the run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from flowc.compiler.running.event_data import (
    InterruptAnsweredData,
    NodeCancelledData,
    NodeCompletedData,
    NodeFailedData,
    NodeRetryingData,
    NodeSaidData,
    NodeSkippedData,
    NodeStartedData,
    NodeUsedData,
    NodeWaitingData,
    RunBreakpointsData,
    RunCancelledData,
    RunChangedData,
    RunCompletedData,
    RunCreatedData,
    RunFailedData,
    RunPausedData,
    RunResumedData,
    RunStartedData,
    RunUsedData,
    RunWaitingData,
)


class EventKind(StrEnum):
    """The kinds of events, as they are stored and sent to clients."""

    RUN_CREATED = "run.created"
    RUN_STARTED = "run.started"
    RUN_RESUMED = "run.resumed"
    RUN_WAITING = "run.waiting"
    RUN_PAUSED = "run.paused"
    RUN_BREAKPOINTS = "run.breakpoints"
    RUN_CHANGED = "run.changed"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    RUN_USED = "run.used"
    INTERRUPT_ANSWERED = "interrupt.answered"
    NODE_STARTED = "node.started"
    NODE_RETRYING = "node.retrying"
    NODE_USED = "node.used"
    NODE_WAITING = "node.waiting"
    NODE_COMPLETED = "node.completed"
    NODE_FAILED = "node.failed"
    NODE_CANCELLED = "node.cancelled"
    NODE_SKIPPED = "node.skipped"
    NODE_SAID = "node.said"

    @classmethod
    def of_status(cls, status: str) -> "EventKind":
        """Return the kind of the event with which a run comes to rest in a status.

        >>> EventKind.of_status("completed")
        'run.completed'
        """
        return cls(f"run.{status}")

    def __repr__(self) -> str:
        # Messages for clients quote the kinds that they may choose from.
        return repr(self.value)


class Event(NamedTuple):
    """One thing that happened to a run, or to a node of it; `data` is plain JSON without secrets.

    `path` names the loop turns and map items that the node is in: `each#0/2/`.
    """

    kind: EventKind
    node_id: str | None
    data: Mapping[str, Any] = MappingProxyType({})
    path: str = ""


Data = TypeVar("Data", bound=Mapping[str, Any])


@dataclass(frozen=True)
class EventType(Generic[Data]):
    """A kind of events with the type of its data, so that a wrong field fails type checking."""

    kind: EventKind
    data_type: type[Data]

    def of_run(self, data: Data) -> Event:
        """Return an event of the run itself."""
        return Event(self.kind, None, data)

    def of_node(self, node_id: str, data: Data, path: str = "") -> Event:
        """Return an event of a node."""
        return Event(self.kind, node_id, data, path)


RUN_CREATED = EventType(EventKind.RUN_CREATED, RunCreatedData)
RUN_STARTED = EventType(EventKind.RUN_STARTED, RunStartedData)
RUN_RESUMED = EventType(EventKind.RUN_RESUMED, RunResumedData)
RUN_WAITING = EventType(EventKind.RUN_WAITING, RunWaitingData)
RUN_PAUSED = EventType(EventKind.RUN_PAUSED, RunPausedData)
RUN_BREAKPOINTS = EventType(EventKind.RUN_BREAKPOINTS, RunBreakpointsData)
RUN_CHANGED = EventType(EventKind.RUN_CHANGED, RunChangedData)
RUN_COMPLETED = EventType(EventKind.RUN_COMPLETED, RunCompletedData)
RUN_FAILED = EventType(EventKind.RUN_FAILED, RunFailedData)
RUN_CANCELLED = EventType(EventKind.RUN_CANCELLED, RunCancelledData)
RUN_USED = EventType(EventKind.RUN_USED, RunUsedData)
INTERRUPT_ANSWERED = EventType(EventKind.INTERRUPT_ANSWERED, InterruptAnsweredData)
NODE_STARTED = EventType(EventKind.NODE_STARTED, NodeStartedData)
NODE_RETRYING = EventType(EventKind.NODE_RETRYING, NodeRetryingData)
NODE_USED = EventType(EventKind.NODE_USED, NodeUsedData)
NODE_WAITING = EventType(EventKind.NODE_WAITING, NodeWaitingData)
NODE_COMPLETED = EventType(EventKind.NODE_COMPLETED, NodeCompletedData)
NODE_FAILED = EventType(EventKind.NODE_FAILED, NodeFailedData)
NODE_CANCELLED = EventType(EventKind.NODE_CANCELLED, NodeCancelledData)
NODE_SKIPPED = EventType(EventKind.NODE_SKIPPED, NodeSkippedData)
NODE_SAID = EventType(EventKind.NODE_SAID, NodeSaidData)

EVENT_TYPES: tuple[EventType[Any], ...] = (
    RUN_CREATED,
    RUN_STARTED,
    RUN_RESUMED,
    RUN_WAITING,
    RUN_PAUSED,
    RUN_BREAKPOINTS,
    RUN_CHANGED,
    RUN_COMPLETED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_USED,
    INTERRUPT_ANSWERED,
    NODE_STARTED,
    NODE_RETRYING,
    NODE_USED,
    NODE_WAITING,
    NODE_COMPLETED,
    NODE_FAILED,
    NODE_CANCELLED,
    NODE_SKIPPED,
    NODE_SAID,
)

EventSink = Callable[[Event], None]


def name_of(path: str, node_id: str) -> str:
    """Return the name of a node in a run's record: in a body, `container.node`.

    >>> name_of("each#0/2/", "ask")
    'each.ask'
    """
    containers = [part.split("#")[0] for part in path.split("/") if "#" in part]
    return ".".join([*containers, node_id])
