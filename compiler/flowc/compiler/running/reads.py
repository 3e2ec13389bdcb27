"""Keeps the time and the seed of random values that a node's expressions read.

A node that reads them is in the journal before it works, so that it sees the same values if it runs
again after a crash; its last event has them, so that a replay sees them, too.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from flowc.compiler.expressions import RecordedValues
from flowc.compiler.expressions.frame import unrecorded
from flowc.compiler.node import Outcome
from flowc.compiler.running.event_data import ReadsData
from flowc.compiler.running.inside import Inside
from flowc.compiler.running.run_context import RunContext

# From here, the ids of LangGraph's checkpoints count the time in tenths of a microsecond.
_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
# Its key in the journal; no key of `context.once` begins with a space.
_KEY = " reads"


async def reads_of(
    run: RunContext, path: str, node_id: str, turn: int, place: str, inside: Inside
) -> ReadsData:
    """Return the time and the seed for a node: those of an earlier attempt or run, or new ones."""
    known = inside.recorded(_KEY)
    if known is not None:
        return ReadsData(now=known.output["now"], seed=known.output["seed"])
    earlier = run.recording.reads_of(path, node_id, turn) if run.recording is not None else None
    reads = earlier or ReadsData(now=run.now().isoformat(), seed=place)
    inside.record(_KEY, Outcome(dict(reads)))
    await inside.flush()
    return reads


def values_of(reads: ReadsData) -> RecordedValues:
    """Return the values that expressions see."""
    return RecordedValues(datetime.fromisoformat(reads["now"]), reads["seed"])


class GraphStep(Protocol):
    """What LangGraph tells a node about its step: the same when it runs again after a crash."""

    @property
    def thread_id(self) -> str | None:
        """The thread, or None if the graph has no checkpointer."""
        ...

    @property
    def checkpoint_id(self) -> str:
        """The checkpoint that the step begins with."""
        ...

    @property
    def task_id(self) -> str:
        """The node's work in this step."""
        ...


def values_of_step(step: GraphStep) -> RecordedValues:
    """Return the values for a node of an exported graph.

    With a checkpointer, they are the same whenever a node does the same step: the time is that of
    the checkpoint before it.
    """
    moment = _moment_of(step.checkpoint_id) if step.thread_id is not None else None
    return unrecorded() if moment is None else RecordedValues(moment, step.task_id)


def _moment_of(checkpoint_id: str) -> datetime | None:
    """Return when a checkpoint was made, if its id is a UUID of version 6.

    >>> print(_moment_of("1f0c9d0a-6f2e-6a5e-8000-1d2a3b4c5d6e"))
    2025-11-25 07:30:43.980348+00:00
    """
    try:
        found = UUID(checkpoint_id)
    except ValueError:
        return None
    if found.version != 6:
        return None
    ticks = (found.int >> 80) << 12 | (found.int >> 64) & 0xFFF
    return _EPOCH + timedelta(microseconds=ticks // 10)
