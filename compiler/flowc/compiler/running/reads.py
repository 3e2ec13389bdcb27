"""Keeps the time and the seed of random values that a node's expressions read.

A node that reads them is in the journal before it works, so that it sees the same values if it runs
again after a crash; its last event has them, so that a replay sees them, too.
"""

from datetime import datetime

from flowc.compiler.expressions import RecordedValues
from flowc.compiler.node import Outcome
from flowc.compiler.running.event_data import ReadsData
from flowc.compiler.running.inside import Inside
from flowc.compiler.running.run_context import RunContext

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
    # An effect of the node may carry these values, so they must outlive a crash after it.
    await inside.flush()
    return reads


def values_of(reads: ReadsData) -> RecordedValues:
    """Return the values that expressions see."""
    return RecordedValues(datetime.fromisoformat(reads["now"]), reads["seed"])
