"""How does a whole plan run inside one LangGraph node, each node as soon as its inputs are there?

The same rule of joins and loops as between LangGraph nodes, and the same work per node; without
supersteps, so that nobody waits for strangers. What a node did is written to a journal, from which
a run that is taken up again has it back.
"""

import asyncio
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from flowc.compiler.events import Event
from flowc.compiler.execution import NodeFailed, RunContext, View, execute
from flowc.compiler.node import BodyFailed, BodyResult, Outcome
from flowc.compiler.plan import Plan, PlannedNode
from flowc.compiler.settlement import Settlement, arrive, merge_edges, settle


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
    plan: Plan, view: View, run: RunContext, journal: Journal, path: str = ""
) -> "Region":
    """Run a plan to its end, and return the region with what its nodes gave.

    `path` names this region within the run. When a node fails, those that are running finish, so
    that what they did is kept; then NodeFailed is raised.
    """
    region = Region(plan, view, run, journal, path)
    await region.run_all()
    return region


async def execute_in(
    node: PlannedNode, view: View, run: RunContext, journal: Journal, path: str
) -> Outcome:
    """Run one node, whose body, if it has one, is a region at this path."""

    async def run_body(key: str, names: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
        assert node.body is not None  # only a type with a body asks for it
        inner = _inner_view(node, view, names, variables)
        try:
            region = await run_region(node.body, inner, run, journal, f"{path}{key}/")
        except NodeFailed as failure:
            what = (failure.code, failure.message, failure.node_id, failure.attempt, failure.at)
            raise BodyFailed(*what) from None
        output = node.body.result(region.outputs)
        return BodyResult(output, region.outputs, region.written)

    return await execute(node, view, run, run_body)


def _too_many_steps(node: PlannedNode, limit: int) -> NodeFailed:
    message = f"The run took more steps than it may ({limit:,})."
    return NodeFailed("too-many-steps", message, node.id, 0, node.definition.at)


def _inner_view(
    node: PlannedNode, view: View, names: Mapping[str, Any], variables: Mapping[str, Any]
) -> View:
    """Return what a body can read: all that its node can, or its input alone."""
    if node.node_type.is_isolated and node.body is not None:
        return View(names["input"], {}, node.body.workflow.variables)
    merged = {**view.variables, **variables}
    return replace(view, names={**view.names, **names}, variables=merged)


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
    _tasks: dict[asyncio.Task[Outcome], PlannedNode] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)
    _failure: BaseException | None = None

    async def run_all(self) -> None:
        """Run until no node is at work and none is woken."""
        self._wake(self.plan.entries)
        try:
            while self._tasks:
                done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._finish(task)
        finally:
            for task in self._tasks:
                task.cancel()
        if self._failure is not None:
            raise self._failure

    def _wake(self, names: Iterable[str]) -> None:
        todo = list(names)
        while todo and self._failure is None:
            name = todo.pop(0)
            if name in self._busy:
                self._again.add(name)
                continue
            node = self.plan.nodes[name]
            arrival = arrive(self.plan, node, self._edges)
            todo += self._apply(arrival)
            if arrival.runs:
                todo += self._start(node)

    def _apply(self, settlement: Settlement) -> list[str]:
        """Take in what follows from one node, and return whom it wakes."""
        self._edges = merge_edges(self._edges, [settlement.edges])
        for name in settlement.skipped:
            self.run.emit(Event("node.skipped", name, path=self.path))
        return list(settlement.wake)

    def _start(self, node: PlannedNode) -> list[str]:
        """Put a node to work; if the journal has what it did, return whom it wakes already."""
        if self._times.total() >= self.run.max_steps:
            self._failure = _too_many_steps(node, self.run.max_steps)
            return []
        known = self.journal.recorded(self._key(node))
        if known is not None:
            return self._take(node, known)
        self._busy.add(node.id)
        scope = replace(
            self.view,
            path=self.path,
            outputs=ChainMap(self.outputs, self.view.outputs),  # type: ignore[arg-type] # it is only read
            variables=ChainMap(self.written, self.view.variables),  # type: ignore[arg-type] # it is only read
        )
        work = execute_in(node, scope, self.run, self.journal, f"{self._key(node)}/")
        self._tasks[asyncio.create_task(work)] = node
        return []

    def _finish(self, task: asyncio.Task[Outcome]) -> None:
        node = self._tasks.pop(task)
        self._busy.discard(node.id)
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if failure is not None:
            self._failure = self._failure or failure
            return
        self.journal.record(self._key(node), task.result())
        self._wake(self._take(node, task.result()))

    def _take(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Take in what a node did, and return whom that wakes."""
        self._times[node.id] += 1
        self.outputs[node.id] = outcome.output
        self.written.update(outcome.variables)
        woken = self._apply(settle(self.plan, node, outcome.branch, self._edges))
        if node.id in self._again:
            self._again.discard(node.id)
            woken.append(node.id)
        return woken

    def _key(self, node: PlannedNode) -> str:
        return f"{self.path}{node.id}#{self._times[node.id]}"
