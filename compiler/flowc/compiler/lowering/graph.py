"""Builds the LangGraph graph of a plan.

Each workflow node is a LangGraph node under its own id; with granularity `fused`, the workflow is a
single one. The state has at most four channels, whatever the number of nodes. Outputs and edges are
stored as deltas, so the size of a checkpoint does not depend on how much was stored before.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, TypedDict, TypeVar

from langchain_core.runnables import Runnable
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Command, interrupt

from flowc.compiler.definition import Granularity
from flowc.compiler.lowering.checkpoint_journal import journal_of
from flowc.compiler.lowering.direct_calls import call_directly
from flowc.compiler.node import Outcome
from flowc.compiler.node.interrupts import Answer, Interrupt, Interrupted
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.planning.wiring import Wiring
from flowc.compiler.running.events import NODE_SKIPPED
from flowc.compiler.running.node_run import branch_after, execute, outputs_after
from flowc.compiler.running.region import Region, execute_in, run_region
from flowc.compiler.running.run_context import RunContext, View
from flowc.compiler.running.settlement import Edges, Settlement, arrive, merge_edges, settle

# A snapshot holds every output. A run is restored from its last snapshot and the deltas after it,
# so rare snapshots make writing cheap, and only very long runs slow to restore.
SNAPSHOT_EVERY = 5_000
REGION = "workflow"


def _latest(old: Mapping[str, Any] | None, writes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged = dict(old or {})
    for write in writes:
        merged.update(write)
    return merged


def _settled(
    old: Mapping[str, Any] | None, writes: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    return merge_edges(old or {}, [news for write in writes for news in write])


Latest = Annotated[dict[str, Any], DeltaChannel(_latest, snapshot_frequency=SNAPSHOT_EVERY)]
Settled = Annotated[dict[str, Any], DeltaChannel(_settled, snapshot_frequency=SNAPSHOT_EVERY)]


class GraphState(TypedDict, total=False):
    """A run's state: plain JSON, in the same few channels for one node and for a thousand.

    Each channel costs time in each superstep, so a graph has only those that its workflow uses.
    """

    input: dict[str, Any]
    outputs: Latest


class StateWithEdges(GraphState, total=False):
    """The state of a workflow in which a run must remember how edges settled."""

    edges: Settled


class StateWithVariables(GraphState, total=False):
    """The state of a workflow with variables."""

    variables: Latest


class FullState(StateWithEdges, StateWithVariables, total=False):
    """The state with all channels."""


_STATES: dict[tuple[bool, bool], type[GraphState]] = {
    (False, False): GraphState,
    (True, False): StateWithEdges,
    (False, True): StateWithVariables,
    (True, True): FullState,
}

T = TypeVar("T")
Building = StateGraph[Any, RunContext, Any, Any]
Lowered = CompiledStateGraph[Any, RunContext, Any, Any]


def lower(plan: Plan, granularity: Granularity = "node") -> Lowered:
    """Return the LangGraph graph of a plan, compiled without a checkpointer.

    With granularity "node", each node is a LangGraph node; with "fused", all are one region.
    """
    # A region has the edges in memory; only LangGraph nodes hand them to each other in the state.
    has_edges = bool(plan.wiring.tracked) and granularity == "node"
    state = _STATES[has_edges, plan.has_variables]
    graph: Building = StateGraph(state, context_schema=RunContext)
    (_add_nodes if granularity == "node" else _add_region)(graph, plan, state)
    lowered = graph.compile(name=plan.workflow.title)
    # Only the workflow's own nodes; LangGraph adds some that work differently.
    for name in graph.nodes:
        call_directly(lowered.nodes[name])
    return lowered


def _add_region(graph: Building, plan: Plan, state: Any) -> None:
    graph.add_node(REGION, _RegionNode(plan), input_schema=state)
    graph.add_edge(START, REGION)


def _add_nodes(graph: Building, plan: Plan, state: Any) -> None:
    for node in plan.nodes.values():
        # Plain edges are cheaper than a Command, and enough where every run goes the same way.
        if node.wire.is_static:
            graph.add_node(node.id, _StaticNode(node), input_schema=state)
            for edge in node.wire.outgoing:
                graph.add_edge(node.id, edge.target)
        else:
            targets = tuple(dict.fromkeys(edge.target for edge in node.wire.outgoing))
            dynamic = _DynamicNode(plan.wiring, node)
            graph.add_node(node.id, dynamic, input_schema=state, destinations=targets)
    for name in plan.wiring.entries:
        graph.add_edge(START, name)


class _LoweredNode(Runnable[Any, Any]):
    """A node of the LangGraph graph.

    It is a Runnable because LangGraph takes those as they are. It wraps a function, and searches
    its code for graphs, which takes longer than the rest of the compilation.
    """

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Raise NotImplementedError: nodes are asynchronous."""
        raise NotImplementedError


class _StaticNode(_LoweredNode):
    """A node that always runs when woken and continues along plain edges, always the same ones."""

    def __init__(self, node: PlannedNode) -> None:
        self._node, self._settled = node, [node.wire.settles] if node.wire.settles else []

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Run the node on the run's state."""
        outcome = await _work(self._node, input, get_runtime(RunContext))
        return _update(self._node, outcome, self._settled)


class _DynamicNode(_LoweredNode):
    """A node that checks whether it can run, and chooses the nodes that LangGraph wakes next."""

    def __init__(self, wiring: Wiring, node: PlannedNode) -> None:
        self._wiring, self._node = wiring, node

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Command[Any]:
        """Run the node on the run's state, if its edges allow it."""
        wiring, node, runtime = self._wiring, self._node, get_runtime(RunContext)
        edges = input.get("edges", {})
        arrival = arrive(wiring, node.wire, edges)
        if not arrival.runs:
            return _command(None, node, [arrival], runtime.context)
        outcome = await _work(node, input, runtime)
        # LangGraph applies what this node writes only after it has returned.
        now = merge_edges(edges, [arrival.edges])
        settlement = settle(wiring, node.wire, branch_after(node, outcome), now)
        return _command(outcome, node, [arrival, settlement], runtime.context)


class _RegionNode(_LoweredNode):
    """A whole workflow in one node."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Run the workflow on its input."""
        runtime = get_runtime(RunContext)
        async with journal_of(runtime) as journal:

            async def work(run: RunContext) -> Region:
                return await run_region(self._plan, _view(input, runtime), run, journal)

            region = await _until_answered(work, runtime.context)
        update: dict[str, Any] = {"outputs": region.outputs}
        return {**update, "variables": region.written} if region.written else update


def _work(
    node: PlannedNode, state: FullState, runtime: Runtime[RunContext]
) -> Coroutine[Any, Any, Outcome]:
    run, view = runtime.context, _view(state, runtime)
    # LangGraph stores the outcome of a node itself; a journal is for what happens inside it.
    if node.body is not None or node.node_type.remembers:
        return _until_answered(partial(_work_with_journal, node, view, runtime), run)
    if not run.can_wait:
        return execute(node, view, run)
    return _until_answered(partial(execute, node, view), run)


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
    return View(input, outputs, state.get("variables", {}), task=task)


def _command(
    outcome: Outcome | None, node: PlannedNode, steps: Sequence[Settlement], run: RunContext
) -> Command[Any]:
    for step in steps:
        for name in step.skipped:
            run.emit(NODE_SKIPPED.of_node(name, {}))
    goto = list(dict.fromkeys(name for step in steps for name in step.wake))
    news = [step.edges for step in steps if step.edges]
    return Command(update=_update(node, outcome, news), goto=goto)


def _update(node: PlannedNode, outcome: Outcome | None, news: Sequence[Edges]) -> dict[str, Any]:
    """Return what a node writes; channels without a change are left out."""
    update: dict[str, Any] = {}
    if news:
        update["edges"] = news
    if outcome is not None:
        update["outputs"] = outputs_after(node, outcome)
        if outcome.variables:
            update["variables"] = dict(outcome.variables)
    return update
