"""How does a whole plan run inside one LangGraph node, each node as soon as its inputs are there?

The same rule of joins and loops as between LangGraph nodes, and the same work per node; without
supersteps, so that nobody waits for strangers. What a node did is written to a journal, from which
a run that is taken up again has it back.
"""

import asyncio
from collections import ChainMap, Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from flowc.compiler.node import BodyFailed, BodyResult, Outcome
from flowc.compiler.node.interrupts import Interrupt, Interrupted
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.events import NODE_SKIPPED
from flowc.compiler.running.node_run import Inside, branch_after, execute, outputs_after
from flowc.compiler.running.outcomes import require_fit
from flowc.compiler.running.run_context import NodeFailed, RunContext, View
from flowc.compiler.running.settlement import Settlement, arrive, settle, update_edges


class Journal(Protocol):
    """What nodes of a region did, kept until the region ends."""

    def recorded(self, key: str) -> Outcome | None:
        """Return what a node did in an earlier attempt at this region."""
        ...

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep what a node did; it is durable soon after."""
        ...


class NoJournal:
    """For runs of which nothing is kept."""

    def recorded(self, key: str) -> Outcome | None:
        """Return None: nothing is kept."""
        return None

    def record(self, key: str, outcome: Outcome) -> None:
        """Keep nothing."""


async def run_region(
    plan: Plan,
    view: View,
    run: RunContext,
    journal: Journal,
    path: str = "",
    only: str | None = None,
) -> "Region":
    """Run a plan to its end, and return the region with what its nodes gave.

    `path` names this region within the run; `only` the one node that it begins with, if that is
    not for the plan to say. When a node fails, those that are running finish, so
    that what they did is kept; then NodeFailed is raised. While a node waits, the others go on;
    then Interrupted is raised for all that wait.
    """
    region = Region(plan, view, run, journal, path)
    await region.run_all(plan.wiring.entries if only is None else [only])
    return region


def execute_in(
    node: PlannedNode, view: View, run: RunContext, journal: Journal, turn: int = 0
) -> Coroutine[Any, Any, Outcome]:
    """Run one node, for the n-th time in its region; its body, if it has one, is a region, too."""
    if node.body is None and not node.node_type.remembers:
        return execute(node, view, run, turn)
    path = f"{view.path}{node.id}#{turn}/"

    async def once(key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        known = journal.recorded(f"{path}{key}!")
        if known is None:
            known = Outcome(await work())
            journal.record(f"{path}{key}!", known)
        return known.output

    async def run_body(
        key: str, names: Mapping[str, Any], variables: Mapping[str, Any], only: str | None = None
    ) -> BodyResult:
        assert node.body is not None  # only a type with a body asks for it
        inner = _inner_view(node, view, names, variables)
        declared = node.body.workflow if node.node_type.is_isolated else None
        if declared is not None:
            require_fit("input", inner.input, declared.input)
        try:
            region = await run_region(node.body, inner, run, journal, f"{path}{key}/", only)
        except NodeFailed as failure:
            # A place in a stored workflow is a place in another document.
            at = node.definition.at if node.runs_stored else failure.at
            what = (failure.code, failure.message, failure.node_id, failure.attempt, at)
            raise BodyFailed(*what) from None
        output = _given(node.body, region.outputs, only)
        if declared is not None:
            require_fit("output", output, declared.output)
        return BodyResult(output, region.outputs, region.written)

    return execute(node, view, run, turn, Inside(run_body, once))


def _given(body: Plan, outputs: Mapping[str, Any], only: str | None) -> Any:
    """Return what a body gave: its output, or of a tool what a model is told."""
    output = body.result(outputs)
    if only is None or "error" in outputs:
        return output
    return body.nodes[only].node_type.as_told(output)


def _too_many_steps(node: PlannedNode, limit: int) -> NodeFailed:
    message = f"The run took more steps than it may ({limit:,})."
    return NodeFailed("too-many-steps", message, node.id, 0, node.definition.at)


def _inner_view(
    node: PlannedNode, view: View, names: Mapping[str, Any], variables: Mapping[str, Any]
) -> View:
    """Return what a body can read: all that its node can, or its input alone."""
    if node.node_type.is_isolated and node.body is not None:
        return View(names["input"], {}, node.body.workflow.variables, task=view.task)
    seen = {**view.variables, **variables} if variables else view.variables
    return View(view.input, view.outputs, seen, {**view.names, **names}, task=view.task)


def _only_read(mapping: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a mapping as ChainMap's types want it, which writes to its first one alone."""
    return cast(MutableMapping[str, Any], mapping)


@dataclass
class Region:
    """A plan on its way: which edges are settled, what nodes gave, who is at work."""

    plan: Plan
    view: View
    run: RunContext
    journal: Journal
    path: str
    outputs: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    _edges: dict[str, Any] = field(default_factory=dict)
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
        # What the nodes in here read: what could be read outside, and what they give.
        outputs = ChainMap(self.outputs, _only_read(self.view.outputs))
        variables = ChainMap(self.written, _only_read(self.view.variables))
        self._scope = View(
            self.view.input, outputs, variables, self.view.names, self.path, self.view.task
        )

    async def run_all(self, entries: Iterable[str]) -> None:
        """Run from these nodes on until no node is at work and none is woken."""
        # What follows from the journal alone has been told before.
        self._wake(entries)
        self._is_caught_up = True
        try:
            while self._ready or self._tasks:
                await self._work()
        finally:
            for task in self._tasks:
                task.cancel()
            # Who was cancelled has left by the time that the region has.
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        if self._interrupts:
            raise Interrupted(*self._interrupts)

    async def _work(self) -> None:
        """Let nodes work until one of them is done; one that is alone needs no task of its own."""
        if len(self._ready) == 1 and not self._tasks:
            node = self._ready.pop()
            try:
                outcome = await self._execute(node)
            except (NodeFailed, Interrupted) as stopped:
                self._stop(node, stopped)
            else:
                self._finish(node, outcome)
            return
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
        return execute_in(node, self._scope, self.run, self.journal, self._times[node.id])

    def _wake(self, names: Iterable[str]) -> None:
        # A name stands in it once: edges that settle before a node has looked wake it together.
        todo = dict.fromkeys(names)
        while todo and self._failure is None:
            name = next(iter(todo))
            del todo[name]
            if name in self._busy:
                self._again.add(name)
                continue
            node = self.plan.nodes[name]
            if node.wire.is_static:
                todo.update(dict.fromkeys(self._start(node)))
                continue
            arrival = arrive(self.plan.wiring, node.wire, self._edges)
            todo.update(dict.fromkeys(self._apply(arrival)))
            if arrival.runs:
                todo.update(dict.fromkeys(self._start(node)))

    def _apply(self, settlement: Settlement) -> list[str]:
        """Take in what follows from one node, and return whom it wakes."""
        if settlement.edges:
            update_edges(self._edges, [settlement.edges])
        for name in settlement.skipped if self._is_caught_up else ():
            self.run.emit(NODE_SKIPPED.of_node(name, {}, self.path))
        return list(settlement.wake)

    def _start(self, node: PlannedNode) -> list[str]:
        """Put a node to work; if the journal has what it did, return whom it wakes already."""
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
        """Let those that are at work finish, and nobody begin; beside one that waits, all go on."""
        if isinstance(failure, Interrupted):
            self._interrupts += failure.interrupts
            return
        self._busy.discard(node.id)
        self._failure = self._failure or failure
        self._ready.clear()

    def _take(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Take in what a node did, and return whom that wakes."""
        self._times[node.id] += 1
        self.outputs.update(outputs_after(node, outcome))
        self.written.update(outcome.variables)
        woken = self._go_on(node, outcome)
        if node.id in self._again:
            self._again.discard(node.id)
            woken.append(node.id)
        return woken

    def _go_on(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Settle a node's edges, and return whom that wakes."""
        if node.wire.is_static:
            self._edges.update(node.wire.settles)
            return [edge.target for edge in node.wire.outgoing]
        return self._apply(
            settle(self.plan.wiring, node.wire, branch_after(node, outcome), self._edges)
        )

    def _key(self, node: PlannedNode) -> str:
        return f"{self.path}{node.id}#{self._times[node.id]}"
