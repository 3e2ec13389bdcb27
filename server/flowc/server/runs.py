"""How is a compiled workflow driven from its input to its end?"""

import asyncio
import copy
import logging
import uuid
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.events import Emit, Event
from flowc.compiler.run_context import NodeFailed, RunContext
from flowc.compiler.schemas import problems_of
from flowc.server.checkpoints import Saver
from flowc.server.host import Host
from flowc.server.records import RunRecord, now

log = logging.getLogger(__name__)


class InputRefused(Exception):
    """Whoever starts a run with an input that the workflow does not take meets this."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The input does not fit: " + " ".join(problems))


class RunFailed(Exception):
    """What ends a run that no single node is to blame for."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


def new_run(
    compiled: CompiledWorkflow,
    given: Any,
    *,
    workflow_id: str | None = None,
    version: int | None = None,
) -> RunRecord:
    """Return a run that is about to begin; raise InputRefused if the input does not fit."""
    problems = compiled.input_problems(given)
    if problems:
        raise InputRefused(problems)
    return RunRecord(str(uuid.uuid4()), workflow_id, version, compiled.hash, given)


async def drive(
    compiled: CompiledWorkflow,
    run: RunRecord,
    host: Host,
    *,
    saver: Saver | None = None,
    max_steps: int = 10_000,
    listen: Callable[[Event], None] = lambda event: None,
) -> RunRecord:
    """Drive a run to its end; the record says how it went, whatever happened."""

    def hear(event: Event) -> None:
        run.hear(event)
        listen(event)

    run.status, run.started_at = "running", now()
    try:
        async with asyncio.timeout(compiled.workflow.settings.timeout):
            outputs = await _outputs(compiled, run, host, saver, max_steps, hear)
        run.output = _result(compiled, outputs)
        run.close("completed", compiled.plan.nodes)
    except asyncio.CancelledError:
        run.error = {"code": "cancelled", "message": "The run was cancelled."}
        run.close("cancelled", compiled.plan.nodes)
        raise
    except Exception as problem:
        run.error = _error(problem, compiled)
        run.close("failed", compiled.plan.nodes)
    return run


async def _outputs(
    compiled: CompiledWorkflow,
    run: RunRecord,
    host: Host,
    saver: Saver | None,
    max_steps: int,
    emit: Emit,
) -> dict[str, Any]:
    graph = copy.copy(compiled.graph)
    graph.checkpointer = saver
    config: RunnableConfig = {
        "configurable": {"thread_id": run.id},
        "recursion_limit": max_steps,
        "callbacks": [],
    }
    context = RunContext(
        run_id=run.id,
        workflow_id=run.workflow_id or compiled.workflow.title,
        emit=emit,
        services=host.services,
        secret=host.secret,
        guards=host.guards,
        saver=saver,
        max_steps=max_steps,
    )
    state = await graph.ainvoke(
        compiled.initial_state(run.input),
        config,
        context=context,
        durability="sync" if saver is not None else None,
    )
    return dict(state.get("outputs", {}))


def _result(compiled: CompiledWorkflow, outputs: dict[str, Any]) -> Any:
    result = compiled.plan.result(outputs)
    schema = compiled.workflow.output
    problems = problems_of(result, schema) if schema else []
    if problems:
        path, sentence = problems[0]
        where = ".".join(map(str, path)) or "output"
        message = f"The output does not fit the workflow's schema: {where}: {sentence}."
        raise RunFailed("output-does-not-fit", message)
    return result


def _error(problem: Exception, compiled: CompiledWorkflow) -> dict[str, Any]:
    """Return what may be told of a failure: a code, a sentence, the node, its place."""
    if isinstance(problem, NodeFailed):
        place = compiled.document.place(problem.at)
        return {
            "code": problem.code,
            "message": problem.message,
            "node_id": problem.node_id,
            "attempt": problem.attempt,
            "at": {
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "pointer": place.pointer,
            },
        }
    if isinstance(problem, RunFailed):
        return {"code": problem.code, "message": problem.message}
    if isinstance(problem, TimeoutError):
        limit = compiled.workflow.settings.timeout
        return {"code": "timeout", "message": f"The run took longer than {limit:g} s."}
    if isinstance(problem, GraphRecursionError):
        return {"code": "too-many-steps", "message": "The run took more steps than it may."}
    log.error("a run broke: %s", type(problem).__name__, exc_info=problem)
    return {"code": "run-broke", "message": f"The run broke: {type(problem).__name__}."}
