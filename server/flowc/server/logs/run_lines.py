"""One line of the log for each run that fails, and each that another worker continues.

Lines name runs, workflows, nodes and codes, and nothing that a run was given, did or said.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.compiler.running.events import EventKind
from flowc.server.logs.log_context import run_fields
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.traces.trace_text import trace_id_of

log = logging.getLogger("flowc.runs")

# A caller ended the run: who it was is in the line of `log_end`.
_TERMINATED = "terminated"
_CUT_OFF = {
    "lost": "run %s%s lost its worker, and is queued again",
    "stopped": "run %s%s was let go by a worker that stops or cannot reach the database",
}


def log_runs(run: RunFacts, events: Sequence[RunEvent]) -> None:
    """Log what an operator must know of the events of a run that were committed."""
    for event in events:
        if event.kind is EventKind.RUN_FAILED:
            _log_failure(run, event.data["error"])
        elif event.kind is EventKind.RUN_STARTED and event.data["attempt"] > 1:
            attempt = event.data["attempt"]
            text = "run %s%s continues after its former worker: attempt %d"
            log.warning(text, run.id, _whose(run), attempt, extra=_fields(run))
        elif event.kind is EventKind.RUN_RESUMED and event.data["reason"] in _CUT_OFF:
            text = _CUT_OFF[event.data["reason"]]
            log.warning(text, run.id, _whose(run), extra=_fields(run))


def log_end(run: RunFacts, how: str, by: str) -> None:
    """Log that a caller ended a run."""
    log.info("run %s%s was %s by %s", run.id, _whose(run), how, by, extra=_fields(run))


def _log_failure(run: RunFacts, error: Mapping[str, Any]) -> None:
    code, node = error.get("code", "unknown"), error.get("node_id")
    if code == _TERMINATED:
        return
    where = f" at node {node}" if node else ""
    more = {"code": code, **({"node": node} if node else {})}
    text = "run %s%s failed%s: %s"
    log.warning(text, run.id, _whose(run), where, code, extra=_fields(run, **more))


def _whose(run: RunFacts) -> str:
    workflow = f" of workflow {run.workflow_id}" if run.workflow_id is not None else ""
    return f"{workflow} (tenant {run.tenant})"


def _fields(run: RunFacts, **more: Any) -> dict[str, Any]:
    trace_id = trace_id_of(run.trace)
    of_trace = {"trace_id": trace_id} if trace_id is not None else {}
    return {"about": {**run_fields(run.id, run.tenant, run.workflow_id), **of_trace, **more}}
