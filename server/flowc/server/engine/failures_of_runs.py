"""Runs what a workflow has for the failure of its runs, before such a run ends."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node.interrupts import NoOneToAsk
from flowc.compiler.running.journal import NoJournal
from flowc.compiler.running.region import run_region
from flowc.compiler.running.run_context import NodeFailed, RunContext, View
from flowc.server.records.runs import RunRecord

log = logging.getLogger(__name__)

# The names of its nodes in a run begin with this word.
PATH = "on_failure#0/"
# Seconds that it may take, unless the workflow has a limit of its own.
MOST_SECONDS = 300.0


async def handle_failure(
    compiled: CompiledWorkflow,
    run: RunRecord,
    context: RunContext,
    problem: Exception,
    error: Mapping[str, Any],
    *,
    ends: tuple[type[Exception], ...] = (),
) -> None:
    """Run `on_failure` of a workflow, if it has one; what fails in it changes nothing.

    It is run at least once: if the process dies in it, the run continues, and may fail again. Only
    the exceptions in `ends` are raised: then the run belongs to another process.
    """
    if compiled.on_failure is None:
        return
    about = _described(problem, error)
    declared, changed = compiled.workflow.variables, context.changed.variables("")
    variables = {**declared, **run.written, **changed}
    view = View(run.input, {"error": about}, variables, path=PATH)
    alone = replace(context, can_wait=False, wait_for=_refuse, breakpoints=None, saver=None)
    limit = compiled.workflow.settings.timeout or MOST_SECONDS
    try:
        async with asyncio.timeout(limit):
            await run_region(compiled.on_failure, view, alone, NoJournal(), PATH)
    except NodeFailed as failure:
        log.warning("on_failure of run %s failed: %s", run.id, failure)
    except TimeoutError:
        log.warning("on_failure of run %s took longer than %g s", run.id, limit)
    except ends:
        raise
    except Exception as broken:
        # Whatever it is, the failure that the run ends with is the one before.
        log.error("on_failure of run %s broke: %s", run.id, type(broken).__name__, exc_info=broken)


async def _refuse(ask: Any) -> Any:
    raise NoOneToAsk(f"The node waits for a {ask.kind}, and the run has failed.")


def _described(problem: Exception, error: Mapping[str, Any]) -> dict[str, Any]:
    """Return a failure as nodes read it in `error`."""
    details = problem.evidence.details if isinstance(problem, NodeFailed) else {}
    return {
        **details,
        "node": error.get("node_id"),
        "code": error["code"],
        "message": error["message"],
        "attempts": error.get("attempt", 1),
    }
