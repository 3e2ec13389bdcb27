"""The LangGraph nodes of a workflow: one for each of its nodes, and one for each section."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import Runnable
from langgraph.errors import GraphDrained
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Command, interrupt

from flowc.compiler.lowering.checkpoint_journal import journal_of
from flowc.compiler.lowering.inner_nodes import shown_inside
from flowc.compiler.lowering.routes import Routes
from flowc.compiler.lowering.state import FullState
from flowc.compiler.node import Outcome
from flowc.compiler.node.interrupts import Answer, Interrupt, Interrupted
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.planning.sections import PlanSection
from flowc.compiler.running.region import Around, Region, RegionPaused, execute_in
from flowc.compiler.running.run_context import RunContext, View
from flowc.compiler.running.settlement import Settlement, arrive, merge_edges, settle
from flowc.compiler.running.traced_run import run_node
from flowc.compiler.running.turns import turns_after
from flowc.compiler.running.updates import branch_after, update_after

T = TypeVar("T")


class _LoweredNode(Runnable[Any, Any]):
    """A node of the LangGraph graph.

    It is a Runnable because LangGraph takes those as they are. It wraps a function, and searches
    its code for graphs, which takes longer than the rest of the compilation.
    """

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Raise NotImplementedError: nodes are asynchronous."""
        raise NotImplementedError


class StaticNode(_LoweredNode):
    """A node that always runs when woken and continues along plain edges, always the same ones."""

    def __init__(self, node: PlannedNode) -> None:
        self._node = node
        self._edges = {"edges": [node.wire.settles]} if node.wire.settles else {}

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Run the node on the run's state."""
        outcome = await _work(self._node, input, get_runtime(RunContext))
        return {**self._edges, **update_after(self._node, outcome)}


class DynamicNode(_LoweredNode):
    """A node that checks whether it can run, and chooses the nodes that LangGraph wakes next."""

    def __init__(self, node: PlannedNode, routes: Routes) -> None:
        self._node, self._routes = node, routes

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Command[Any]:
        """Run the node on the run's state, if its edges allow it."""
        routes, node, runtime = self._routes, self._node, get_runtime(RunContext)
        edges = input.get("edges", {})
        arrival = arrive(routes.wiring, node.wire, edges)
        if not arrival.runs:
            return routes.command({}, [arrival], edges, runtime.context)
        outcome = await _work(node, input, runtime)
        # LangGraph applies what this node writes only after it has returned.
        now = merge_edges(edges, [arrival.edges])
        branch = branch_after(node, outcome)
        settlement = settle(routes.wiring, node.wire, branch, now)
        settlement.edges.update(turns_after(node.closes, branch, now))
        update = update_after(node, outcome)
        return routes.command(update, [arrival, settlement], edges, runtime.context)


class SectionNode(_LoweredNode):
    """A section of the workflow, run as a region in one LangGraph node."""

    def __init__(self, plan: Plan, section: PlanSection, routes: Routes) -> None:
        self._plan, self._section, self._routes = plan, section, routes

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Command[Any]:
        """Run the section on the run's state, if the edges to its entry allow it."""
        runtime, edges = get_runtime(RunContext), input.get("edges", {})
        work = partial(self._run, input, runtime, shown_inside(config))
        region = await _until_answered(work, runtime.context)
        update: dict[str, Any] = {"outputs": region.outputs} if region.outputs else {}
        if region.written:
            update["variables"] = region.written
        steps = _steps_between(edges, region)
        return self._routes.command(update, steps, edges, runtime.context)

    async def _run(
        self, state: FullState, runtime: Runtime[RunContext], around: Around | None, run: RunContext
    ) -> Region:
        control = runtime.control
        async with journal_of(runtime) as journal:
            region = Region(
                self._plan, _view(state, runtime), run, journal, "", self._section.nodes
            )
            region.edges.update(state.get("edges", {}))
            region.around = around
            if control is not None:
                region.is_pausing = lambda: control.drain_requested
            try:
                await region.run_all(self._section.entries)
            except RegionPaused:
                raise GraphDrained((control and control.drain_reason) or "pause") from None
            return region


def _steps_between(edges: Any, region: Region) -> list[Settlement]:
    """Return how the edges have changed in a region: first those unsettled, then the settled."""
    now = region.edges
    changed = {key: None for key, value in edges.items() if now.get(key) != value}
    settled = {key: value for key, value in now.items() if edges.get(key) != value}
    return [Settlement(changed), Settlement(settled, region.left)]


def _work(
    node: PlannedNode, state: FullState, runtime: Runtime[RunContext]
) -> Coroutine[Any, Any, Outcome]:
    run, view = runtime.context, _view(state, runtime)
    # LangGraph stores the outcome of a node itself; a journal is for what happens inside it.
    if node.keeps_journal:
        return _until_answered(partial(_work_with_journal, node, view, runtime), run)
    if not run.can_wait:
        return run_node(node, view, run)
    return _until_answered(partial(run_node, node, view), run)


async def _work_with_journal(
    node: PlannedNode, view: View, runtime: Runtime[RunContext], run: RunContext
) -> Outcome:
    async with journal_of(runtime) as journal:
        return await execute_in(node, view, run, journal)


async def _until_answered(work: Callable[[RunContext], Awaitable[T]], run: RunContext) -> T:
    """Do the work; when it waits, interrupt LangGraph's task, or continue if that has the answers.

    LangGraph's `interrupt` raises the first time. When the task is resumed, the node starts again,
    the work waits for the same, and `interrupt` returns the answers.
    """
    while True:
        try:
            return await work(run)
        except Interrupted as stopped:
            run = _answered(run, stopped.interrupts, interrupt(_asked(stopped)))


def _asked(stopped: Interrupted) -> list[dict[str, Any]]:
    return [each.as_json() for each in stopped.interrupts]


def _answered(run: RunContext, interrupts: Sequence[Interrupt], given: Any) -> RunContext:
    """Return the run with the answers that LangGraph was resumed with.

    They are an object by interrupt id, or the answer itself if there is only one.
    """
    # A client may resume with part of the answers: the work then waits for the others again.
    ids = [each.id for each in interrupts]
    by_id = given if isinstance(given, dict) and set(given) <= set(ids) else {ids[0]: given}
    answers = {id: Answer(value) for id, value in by_id.items()}
    return replace(run, answers={**run.answers, **answers})


def _view(state: FullState, runtime: Runtime[RunContext]) -> View:
    task = runtime.execution_info.task_id if runtime.execution_info is not None else ""
    input, outputs = state.get("input", {}), state.get("outputs", {})
    variables = state.get("variables", {})
    if changed := runtime.context.changed:
        outputs = {**outputs, **changed.outputs("")}
        variables = {**variables, **changed.variables("")}
    return View(input, outputs, variables, task=task, edges=state.get("edges", {}))
