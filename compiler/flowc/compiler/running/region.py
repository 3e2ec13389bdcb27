"""Runs a plan, or a section of it, inside one LangGraph node; each node starts as soon as it can.

Joins, loops and the work of each node are the same as between LangGraph nodes (`settlement`,
`node_run`). There are no supersteps, so a node never waits for nodes that it does not depend on.
Each outcome is written to a journal; when the run is resumed, it is read from there.

Example: a body of four nodes, run as a region with the path `each#0/2/` (the third item of `each`):

    fetch --> summarise --> send
    fetch --> translate --> send          send: `join: all`

1. `run_all(["fetch"])` wakes `fetch`. The journal has no `each#0/2/fetch#0`, so `fetch` is ready.
   It is the only one, so it is awaited without a task.
2. `fetch` returns. Its outcome is recorded as `each#0/2/fetch#0`, and its edges wake `summarise`
   and `translate`, which run as two tasks.
3. `translate` returns first, is recorded, and wakes `send`: its other edge is open, so it waits.
4. The process dies. When the run is resumed, the region starts again: `fetch` and `translate` are
   in the journal, so their outcomes are taken at once, without work and without events. Only
   `summarise` runs, from its beginning.
5. `summarise` returns and wakes `send`, which runs. Nothing is ready and no task is left: done.

In a loop, the number after `#` counts the executions of the node in this region, so that the second
turn has keys of its own (`…work#1`).
"""

import asyncio
from collections import ChainMap, Counter
from collections.abc import Callable, Container, Coroutine, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from flowc.compiler.definition.start_forms import with_defaults
from flowc.compiler.node import BodyFailed, BodyResult, Outcome
from flowc.compiler.node.interrupts import Interrupt, Interrupted
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.events import NODE_SKIPPED
from flowc.compiler.running.inside import Inside
from flowc.compiler.running.lasting import begun_variables
from flowc.compiler.running.outcomes import require_fit
from flowc.compiler.running.run_context import NodeFailed, RunContext, View
from flowc.compiler.running.settlement import Settlement, arrive, settle, update_edges
from flowc.compiler.running.traced_run import run_node
from flowc.compiler.running.turns import turns_after
from flowc.compiler.running.updates import branch_after, outputs_after


class Journal(Protocol):
    """The outcomes of a region's nodes, stored until the region ends."""

    def recorded(self, key: str) -> Outcome | None:
        """Return the outcome under this key from an earlier attempt, or None."""
        ...

    def record(self, key: str, outcome: Outcome) -> None:
        """Store an outcome; it is durable soon after."""
        ...

    async def flush(self) -> None:
        """Wait until everything is durable."""
        ...


# Wraps the work of a node, given what it reads and how often it has run in the region.
Around = Callable[
    [PlannedNode, View, int, Coroutine[Any, Any, Outcome]], Coroutine[Any, Any, Outcome]
]


class RegionPaused(Exception):
    """The run is to be paused, and the region has stopped before the nodes that are next."""


class NoJournal:
    """The journal of a run without a checkpointer: it stores nothing."""

    def recorded(self, key: str) -> Outcome | None:
        """Return None."""
        return None

    def record(self, key: str, outcome: Outcome) -> None:
        """Do nothing."""

    async def flush(self) -> None:
        """Do nothing."""


async def run_region(
    plan: Plan,
    view: View,
    run: RunContext,
    journal: Journal,
    path: str = "",
    only: str | None = None,
) -> "Region":
    """Run a plan to its end, and return the region with its nodes' outputs.

    `path` is the place of this region in the run; `only` is the one node to begin with, if it is
    not the plan's entries. When a node fails, those that are running finish, so that their outcomes
    are recorded; then NodeFailed is raised. When nodes wait, the others continue; then Interrupted
    is raised with everything that is waited for.
    """
    region = Region(plan, view, run, journal, path, plan.nodes)
    try:
        await region.run_all(plan.wiring.entries if only is None else [only])
    except NodeFailed as failure:
        failure.left = failure.left or BodyResult(None, region.outputs, region.written)
        raise
    return region


def execute_in(
    node: PlannedNode, view: View, run: RunContext, journal: Journal, turn: int = 0
) -> Coroutine[Any, Any, Outcome]:
    """Run one node, for the n-th time in its region; its body, if any, is a region as well."""
    if not node.keeps_journal:
        return run_node(node, view, run, turn)
    path = f"{view.path}{node.id}#{turn}/"

    # In the journal, `node#0` is an outcome and `node#0/key!` the result of `once`; `node#0/key/`
    # begins the keys of a body.

    def recorded(key: str) -> Outcome | None:
        return journal.recorded(f"{path}{key}!")

    def record(key: str, outcome: Outcome) -> None:
        journal.record(f"{path}{key}!", outcome)

    async def run_body(
        key: str, names: Mapping[str, Any], variables: Mapping[str, Any], only: str | None = None
    ) -> BodyResult:
        assert node.body is not None  # only a type with a body asks for it
        inner = await _inner_view(node, view, run, names, variables)
        declared = node.body.workflow if node.node_type.is_isolated else None
        if declared is not None:
            await require_fit("input", inner.input, declared.input)
        try:
            region = await run_region(node.body, inner, run, journal, f"{path}{key}/", only)
        except NodeFailed as failure:
            # A failure in a stored workflow has its place in another document.
            at = node.definition.at if node.runs_stored else failure.at
            what = (failure.code, failure.message, failure.node_id, failure.attempt, at)
            raise BodyFailed(*what, failure.evidence).having_left(failure.left) from None
        output = _output_of(node.body, region.outputs, only)
        if declared is not None:
            await require_fit("output", output, declared.output)
        return BodyResult(output, region.outputs, region.written)

    return run_node(node, view, run, turn, Inside(run_body, recorded, record, journal.flush))


def _output_of(body: Plan, outputs: Mapping[str, Any], only: str | None) -> Any:
    """Return the output of a body; for a tool (`only`), what the model sees of its output."""
    output = body.result(outputs)
    if only is None or "error" in outputs:
        return output
    return body.nodes[only].node_type.shown_to_model(output)


def _too_many_steps(node: PlannedNode, limit: int) -> NodeFailed:
    message = f"The run exceeded its limit of {limit:,} steps."
    return NodeFailed("too-many-steps", message, node.id, 0, node.definition.at)


async def _inner_view(
    node: PlannedNode,
    view: View,
    run: RunContext,
    names: Mapping[str, Any],
    variables: Mapping[str, Any],
) -> View:
    """Return what a body can read: the same as its node, or only its input."""
    if node.node_type.is_isolated and node.body is not None:
        given = with_defaults(names["input"], node.body.workflow.input)
        begun = await begun_variables(node.body, run, _stored_id(node))
        return View(given, {}, begun, task=view.task)
    seen = {**view.variables, **variables} if variables else view.variables
    outputs = view.outputs
    # Beside the outputs is where the last failure is found, and the nearest one is meant.
    if "error" in names:
        outputs = ChainMap({"error": names["error"]}, _only_read(outputs))
        names = {name: value for name, value in names.items() if name != "error"}
    return View(view.input, outputs, seen, {**view.names, **names}, task=view.task)


def _stored_id(node: PlannedNode) -> str | None:
    """Return the id of the stored workflow that a node runs, or is in."""
    stored = node.node_type.stored_workflow(node.definition.config)
    return stored[0] if stored is not None else node.stored_in


def _only_read(mapping: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """Cast a mapping for ChainMap, whose type wants mutable ones but which writes to the first."""
    return cast(MutableMapping[str, Any], mapping)


@dataclass
class Region:
    """The state of a plan that runs: settled edges, outputs, and which nodes are at work.

    It runs only `nodes`; others that they wake are in `left`. `edges` are those that had settled
    before, and then also those that settle here. `around` wraps the work of each node. Once
    `is_pausing`, no more nodes start.

    `_ready` are nodes to start, `_tasks` are at work, `_busy` are both. A node that is woken while
    it is busy is in `_again`, and is woken once more when it has finished.
    """

    plan: Plan
    view: View
    run: RunContext
    journal: Journal
    path: str
    nodes: Container[str]
    edges: dict[str, Any] = field(default_factory=dict)
    around: Around | None = None
    is_pausing: Callable[[], bool] = lambda: False
    left: dict[str, None] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    _times: Counter[str] = field(default_factory=Counter)
    _steps: int = 0
    _ready: list[PlannedNode] = field(default_factory=list)
    _tasks: dict[asyncio.Task[Outcome], PlannedNode] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)
    _failure: BaseException | None = None
    _interrupts: list[Interrupt] = field(default_factory=list)
    _is_caught_up: bool = False

    def __post_init__(self) -> None:
        # Nodes in a body see the outputs and variables around it; what they write stays inside.
        outputs = ChainMap(self.outputs, _only_read(self.view.outputs))
        variables = ChainMap(self.written, _only_read(self.view.variables))
        self._scope = View(
            self.view.input,
            outputs,
            variables,
            self.view.names,
            self.path,
            self.view.task,
            self.edges,
        )

    async def run_all(self, entries: Iterable[str]) -> None:
        """Run from these nodes until no node is at work and none is woken."""
        self._wake(entries)
        self._is_caught_up = True
        # What was changed is newer than the journal: a node that writes it has it taken back.
        self.outputs.update(self.run.changed.outputs(self.path))
        self.written.update(self.run.changed.variables(self.path))
        try:
            while self._tasks or (self._ready and not self.is_pausing()):
                await self._work()
        finally:
            for task in self._tasks:
                task.cancel()
            # A cancelled node must not continue after its region has ended.
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        if self._ready:
            raise RegionPaused
        if self._interrupts:
            raise Interrupted(*self._interrupts)

    async def _work(self) -> None:
        """Run the ready nodes until one has finished; a single one is awaited without a task."""
        if len(self._ready) == 1 and not self._tasks:
            node = self._ready.pop()
            try:
                outcome = await self._execute(node)
            except (NodeFailed, Interrupted) as stopped:
                self._stop(node, stopped)
            else:
                self._finish(node, outcome)
            return
        if not self.is_pausing():
            for node in self._ready:
                self._tasks[asyncio.create_task(self._execute(node))] = node
            self._ready.clear()
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            node = self._tasks.pop(task)
            problem = asyncio.CancelledError() if task.cancelled() else task.exception()
            if problem is not None:
                self._stop(node, problem)
            else:
                self._finish(node, task.result())

    def _execute(self, node: PlannedNode) -> Coroutine[Any, Any, Outcome]:
        turn = self._times[node.id]
        work = execute_in(node, self._scope, self.run, self.journal, turn)
        return work if self.around is None else self.around(node, self._scope, turn, work)

    def _wake(self, names: Iterable[str]) -> None:
        # Each name is in it once: several edges that settle before a node has looked wake it once.
        todo = dict.fromkeys(names)
        while todo and self._failure is None:
            name = next(iter(todo))
            del todo[name]
            if name not in self.nodes:
                self.left[name] = None
                continue
            if name in self._busy:
                self._again.add(name)
                continue
            node = self.plan.nodes[name]
            if node.wire.is_static:
                todo.update(dict.fromkeys(self._start(node)))
                continue
            arrival = arrive(self.plan.wiring, node.wire, self.edges)
            todo.update(dict.fromkeys(self._apply(arrival)))
            if arrival.runs:
                todo.update(dict.fromkeys(self._start(node)))

    def _apply(self, settlement: Settlement) -> list[str]:
        """Apply what follows from one node, and return the nodes that it wakes."""
        if settlement.edges:
            update_edges(self.edges, [settlement.edges])
        # What follows from the journal alone happened in an earlier attempt, which said so.
        is_new = self._is_caught_up or not self._times
        for name in settlement.skipped if is_new else ():
            self.run.emit(NODE_SKIPPED.of_node(name, {}, self.path))
        return list(settlement.wake)

    def _start(self, node: PlannedNode) -> list[str]:
        """Make a node ready; if the journal has its outcome, apply it and return whom it wakes."""
        self._steps += 1
        if self._steps > self.run.max_steps:
            self._failure = _too_many_steps(node, self.run.max_steps)
            return []
        known = self.journal.recorded(self._key(node))
        if known is not None:
            return self._take(node, known)
        self._busy.add(node.id)
        self._ready.append(node)
        return []

    def _finish(self, node: PlannedNode, outcome: Outcome) -> None:
        self._busy.discard(node.id)
        self.journal.record(self._key(node), outcome)
        self._wake(self._take(node, outcome))

    def _stop(self, node: PlannedNode, failure: BaseException) -> None:
        """After a failure, start no more nodes; those at work finish. A waiting node stops none."""
        if isinstance(failure, Interrupted):
            # It stays busy: the region cannot start it again before there is an answer.
            self._interrupts += failure.interrupts
            return
        self._busy.discard(node.id)
        self._failure = self._failure or failure
        self._ready.clear()

    def _take(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Apply the outcome of a node, and return the nodes that it wakes."""
        self._times[node.id] += 1
        self.outputs.update(outputs_after(node, outcome))
        self.written.update(outcome.variables)
        woken = self._continue_after(node, outcome)
        if node.id in self._again:
            self._again.discard(node.id)
            woken.append(node.id)
        return woken

    def _continue_after(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Settle a node's edges, and return the nodes that this wakes."""
        # Most nodes always take the same edges, so there is nothing to decide.
        if node.wire.is_static:
            self.edges.update(node.wire.settles)
            return [edge.target for edge in node.wire.outgoing]
        branch = branch_after(node, outcome)
        settlement = settle(self.plan.wiring, node.wire, branch, self.edges)
        settlement.edges.update(turns_after(node.closes, branch, self.edges))
        return self._apply(settlement)

    def _key(self, node: PlannedNode) -> str:
        return f"{self.path}{node.id}#{self._times[node.id]}"
