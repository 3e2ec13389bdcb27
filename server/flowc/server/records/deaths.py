"""Counts the workers that died while they worked on a run."""

from collections.abc import Iterable

from flowc.compiler.running.events import EventKind
from flowc.server.records.run_events import RunEvent

# After these, no worker has the run; a new one starts without a former one having died.
_RESTS = {EventKind.RUN_WAITING, EventKind.RUN_PAUSED, EventKind.RUN_FAILED}
# The run has got further since a worker died.
_PROGRESS = _RESTS | {
    EventKind.NODE_COMPLETED,
    EventKind.NODE_FAILED,
    EventKind.NODE_CANCELLED,
    EventKind.NODE_SKIPPED,
    EventKind.NODE_WAITING,
}


def deaths_in(events: Iterable[RunEvent]) -> int:
    """Return how many workers died at a run, one after the other, without getting further.

    A worker died if another one started after it, and it had not said that it stops. An example:
    `run.started`, `node.started`, `run.started`, `run.resumed` (stopped), `run.started`: the first
    worker died, the second one stopped, and the third one is at work.

    A worker gets further if a node finishes, or if it emits more than each one before it, as the
    ingestion of many documents does.
    """
    deaths, is_at_work = 0, False
    emitted, most = 0, 0
    for event in events:
        if event.kind == EventKind.RUN_STARTED:
            deaths += is_at_work and not event.data.get("again", False)
            is_at_work, emitted = True, 0
        elif event.kind == EventKind.RUN_RESUMED:
            is_at_work = is_at_work and event.data["reason"] == "lost"
        elif event.kind == EventKind.NODE_SAID:
            emitted += 1
            if emitted > most:
                deaths, most = 0, emitted
        elif event.kind in _PROGRESS:
            deaths, is_at_work = 0, is_at_work and event.kind not in _RESTS
            emitted, most = 0, 0
    return deaths
