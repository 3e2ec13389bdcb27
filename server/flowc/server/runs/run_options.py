"""How a run starts, and whether another one was started in the same way before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.reading.large_values import in_worker, is_large
from flowc.server.engine.replay import require_nodes
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import same_json
from flowc.server.records.runs import RunRecord
from flowc.server.records.senders import UNNAMED, Sender
from flowc.server.records.stops import stops_of
from flowc.server.records.times import now


class KeyTaken(Refused):
    """The key belongs to a run with another input; send another key.

    `run_id` is that run.
    """

    run_id = ""

    @property
    def details(self) -> Sequence[Any]:
        """The run."""
        return [{"run_id": self.run_id}]

    def __init__(self, kind: str, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"The {kind} belongs to the run {run_id}, which has another input; send another key."
        )


@dataclass(frozen=True)
class RunOptions:
    """How a run starts; `delay` is in seconds, priority 1 is the highest.

    An `idempotency_key` creates one run of a workflow at most, a `deduplication_key` one unfinished
    run. Another input with the same key is refused, if the input `is_compared`; a new thread is no
    difference. With a `message`, the run is the next turn of its thread. The `sender` says who has
    sent the request. A run stops before the nodes of `breakpoints`, and before every node if
    `is_stepping`.
    """

    idempotency_key: str | None = None
    deduplication_key: str | None = None
    priority: int = 10
    delay: float | None = None
    thread_id: str | None = None
    message: Any = None
    sender: Sender = UNNAMED
    has_new_thread: bool = False
    is_compared: bool = True
    breakpoints: Sequence[str] = ()
    is_stepping: bool = False

    def apply(self, run: RunRecord, compiled: CompiledWorkflow) -> None:
        """Apply the options to a new run; raise ReplayRefused if a breakpoint names no node."""
        run.priority, run.idempotency_key = self.priority, self.idempotency_key
        run.deduplication_key, run.thread_id = self.deduplication_key, self.thread_id
        if self.delay is not None:
            run.starts_at = now() + timedelta(seconds=self.delay)
        if self.breakpoints or self.is_stepping:
            require_nodes(self.breakpoints, compiled)
            nodes = dict.fromkeys(self.breakpoints)
            run.breakpoints = {**stops_of(nodes, is_stepping=self.is_stepping)}


PLAIN = RunOptions()


async def asks_the_same(run: RunRecord, known: RunRecord, has_new_thread: bool) -> bool:
    """Return whether a new run has the input of a known one, and its definition if that is sent."""
    if run.workflow_id is None and run.hash != known.hash:
        return False
    if not has_new_thread and run.thread_id != known.thread_id:
        return False
    passed_over = {"thread_id"} if has_new_thread else set[str]()
    inputs = [
        {name: value for name, value in each.input.items() if name not in passed_over}
        for each in (run, known)
    ]
    compare = partial(same_json, *inputs)
    return await in_worker(compare) if is_large(run.input) else compare()
