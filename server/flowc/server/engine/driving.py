"""Drives a compiled workflow from its input or its last checkpoint until it ends or rests."""

import asyncio
import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.expressions import shortened
from flowc.compiler.node.budget import Budget, Ledger
from flowc.compiler.node.interrupts import Ask, Interrupt, WaitFor, wait_here
from flowc.compiler.running.events import Event
from flowc.compiler.running.run_context import NodeFailed, RunContext, RunSecret
from flowc.compiler.schemas.fitting import find_problems
from flowc.compiler.schemas.refusals import TOO_COSTLY, TooCostly
from flowc.server.engine.failures_of_runs import handle_failure
from flowc.server.engine.first_state import first_state
from flowc.server.records.ids import new_run_id
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.tenant_services import TenantServices

log = logging.getLogger(__name__)

Saver = BaseCheckpointSaver[Any]


class InputRefused(Refused):
    """The input does not fit."""


class InputTooCostly(InputRefused):
    """The input takes too many steps to check; send a smaller one, or simplify the schema."""


class RunFailed(Exception):
    """The run failed as a whole, not because of one node; `value` is at fault, shortened."""

    def __init__(self, code: str, message: str, value: str | None = None) -> None:
        self.code, self.message, self.value = code, message, value
        super().__init__(message)


@dataclass(frozen=True)
class Advance:
    """How far a run came: to its end, with the outputs by node, or to what it waits for."""

    outputs: dict[str, Any] = field(default_factory=dict)
    interrupts: Sequence[Interrupt] = ()
    is_paused: bool = False


async def require_input(compiled: CompiledWorkflow, given: Any) -> None:
    """Raise InputRefused if an input does not fit a workflow."""
    try:
        problems = await compiled.find_input_problems(given)
    except TooCostly:
        raise InputTooCostly from None
    if problems:
        raise InputRefused(problems=problems)


async def new_run(
    compiled: CompiledWorkflow,
    given: Any,
    *,
    workflow_id: str | None = None,
    version: int | None = None,
) -> RunRecord:
    """Return a new run; raise InputRefused if the input does not fit the workflow."""
    await require_input(compiled, given)
    uses: list[list[str | None]] = [
        [id, asked, used.version if used is not None else None]
        for (id, asked), used in compiled.uses.items()
    ]
    return RunRecord(
        id=new_run_id(),
        workflow_id=workflow_id,
        version=version,
        hash=compiled.hash,
        input=given,
        uses=uses,
    )


def context_of(
    compiled: CompiledWorkflow,
    run: RunRecord,
    services: TenantServices,
    max_steps: int,
    saver: Saver | None,
) -> RunContext:
    """Return the context of a run; as it is, it emits to no one, and nodes wait in the process."""

    async def secret(name: str, stored_in: str | None) -> RunSecret | None:
        return await services.secret(name, stored_in or run.workflow_id)

    return RunContext(
        run_id=run.id,
        workflow_id=run.workflow_id or compiled.workflow.title,
        services=services.by_type,
        secret=secret,
        secret_hint=services.secret_hint,
        env=services.env,
        known=services.known,
        guards=services.guards,
        saver=saver,
        max_steps=max_steps,
        changed=run.changed,
        budget=budget_of(compiled, run),
        lasting=services.lasting(run.workflow_id or compiled.workflow.title),
    )


def budget_of(compiled: CompiledWorkflow, run: RunRecord, ledger: Ledger | None = None) -> Budget:
    """Return what a run may still spend; with a ledger, also together with other runs."""
    limits = compiled.workflow.settings.budget
    return Budget(limits.cost, limits.tokens, run.usage, ledger)


async def advance(
    compiled: CompiledWorkflow,
    run: RunRecord,
    context: RunContext,
    control: RunControl | None = None,
) -> Advance:
    """Drive a run from its last checkpoint, or from its input if there is none."""
    graph = copy.copy(compiled.graph)
    graph.checkpointer = context.saver
    config: RunnableConfig = {
        "configurable": {"thread_id": run.id},
        "recursion_limit": context.max_steps,
        "callbacks": [],
    }
    is_begun = await _is_begun(run, context, config)
    try:
        async with asyncio.timeout(_seconds_left(compiled, run)):
            result = await graph.ainvoke(
                None if is_begun else await first_state(compiled, run.input, context),
                config,
                context=context,
                durability="sync" if context.saver is not None else None,
                control=control,
                version="v2",
            )
    except GraphDrained:
        return Advance(is_paused=True)
    if result.interrupts:
        asked = [_interrupt(each) for held in result.interrupts for each in held.value]
        return Advance(interrupts=asked, is_paused=not asked)
    state = result.value
    if not state:
        # A graph that was at its end already returns no state.
        state = (await graph.aget_state(config)).values
    return Advance({**state.get("outputs", {}), **context.changed.outputs("")})


async def _is_begun(run: RunRecord, context: RunContext, config: RunnableConfig) -> bool:
    """Return whether a run continues from a checkpoint; raise RunFailed if it should and cannot."""
    if not context.is_resumed or context.saver is None:
        return False
    if await context.saver.aget_tuple(config) is not None:
        return True
    if run.nodes:
        # From its input, nodes that have had their effect would run again.
        message = (
            "The run cannot continue: it has no checkpoint. The database was restored in part, or a"
            " former version of flowc began the run. Start it again."
        )
        raise RunFailed("checkpoint-lost", message)
    return False


def _seconds_left(compiled: CompiledWorkflow, run: RunRecord) -> float | None:
    """Return how many seconds a run may still be worked on; waiting does not count."""
    limit = compiled.workflow.settings.timeout
    return limit - run.worked if limit is not None else None


def _interrupt(data: dict[str, Any]) -> Interrupt:
    ask = Ask(data["kind"], data["data"], data["seconds"])
    return Interrupt(data["id"], data["node_id"], data["path"], ask)


async def drive(
    compiled: CompiledWorkflow,
    run: RunRecord,
    services: TenantServices,
    *,
    saver: Saver | None = None,
    max_steps: int = 10_000,
    listen: Callable[[Event], None] = lambda event: None,
    wait_for: WaitFor = wait_here,
) -> RunRecord:
    """Drive a run to its end in this process; return its record.

    With a saver, its checkpoints are stored. `listen` gets each event; `wait_for` answers what
    nodes wait for.
    """
    context = context_of(compiled, run, services, max_steps, saver)
    return await drive_in(compiled, run, replace(context, emit=listen, wait_for=wait_for))


async def drive_in(compiled: CompiledWorkflow, run: RunRecord, context: RunContext) -> RunRecord:
    """Drive a run to its end in a context in which it cannot rest; return its record."""

    def emit(event: Event) -> None:
        run.apply(RunEvent.of(event))
        context.emit(event)

    run.status, run.started_at = "running", now()
    try:
        done = await advance(compiled, run, replace(context, emit=emit))
        run.output, run.status = await result_of(compiled, done.outputs), "completed"
    except Exception as problem:
        run.error = error_of(problem, compiled)
        await handle_failure(compiled, run, replace(context, emit=emit), problem, run.error)
        run.status = "failed"
    run.finished_at = now()
    run.apply(RunEvent.of(run.ended(compiled.plan.nodes), run.finished_at))
    return run


async def result_of(compiled: CompiledWorkflow, outputs: dict[str, Any]) -> Any:
    """Return a run's output; raise RunFailed if it does not fit what the workflow declares."""
    result = compiled.plan.result(outputs)
    schema = compiled.workflow.output
    problems = await find_problems(result, schema) if schema else []
    if problems:
        path, sentence = problems[0]
        where = ".".join(map(str, path)) or "output"
        message = f"The output does not fit the workflow's schema: {where}: {sentence}."
        # Nodes return no secrets.
        raise RunFailed("output-does-not-fit", message, shortened(result))
    return result


def error_of(problem: Exception, compiled: CompiledWorkflow | None) -> dict[str, Any]:
    """Return a failure as clients see it: code, message, and where known the node and its place."""
    if isinstance(problem, RunFailed):
        about = {"value": problem.value} if problem.value is not None else {}
        return {"code": problem.code, "message": problem.message, **about}
    if isinstance(problem, TooCostly):
        message = f"The output takes more steps to check than are allowed: {problem}"
        return {"code": TOO_COSTLY, "message": message}
    if isinstance(problem, GraphRecursionError):
        return {"code": "too-many-steps", "message": "The run took more steps than it may."}
    if compiled is not None and isinstance(problem, NodeFailed):
        return _error_of_node(problem, compiled)
    if compiled is not None and isinstance(problem, TimeoutError):
        limit = compiled.workflow.settings.timeout
        return {"code": "timeout", "message": f"The run took longer than {limit:g} s."}
    log.error("a run broke: %s", type(problem).__name__, exc_info=problem)
    return {"code": "run-broke", "message": f"The run broke: {type(problem).__name__}."}


def _error_of_node(problem: NodeFailed, compiled: CompiledWorkflow) -> dict[str, Any]:
    place = compiled.document.place_in_text(problem.at, problem.evidence.reference)
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
        **problem.evidence.as_json(),
    }
