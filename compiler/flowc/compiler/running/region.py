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
from collections import Counter
from collections.abc import Callable, Container, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowc.compiler.node import BodyFailed, BodyResult, Outcome
from flowc.compiler.node.interrupts import Interrupt, Interrupted
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.at_work import AtWork
from flowc.compiler.running.bodies import inner_view, output_of, scope_in, too_many_steps
from flowc.compiler.running.decisions import cancellations, decide
from flowc.compiler.running.events import NODE_SKIPPED
from flowc.compiler.running.held_failures import HeldFailures
from flowc.compiler.running.inside import Inside
from flowc.compiler.running.journal import Journal
from flowc.compiler.running.outcomes import require_fit
from flowc.compiler.running.races import failed_path, sources_of_spent, unneeded, withdrawn
from flowc.compiler.running.run_context import NodeFailed, RunContext, View
from flowc.compiler.running.settlement import Settlement, arrive, settle, update_edges
from flowc.compiler.running.traced_run import run_node
from flowc.compiler.running.turns import turns_after
from flowc.compiler.running.updates import branch_after, outputs_after
from flowc.compiler.running.waits import answered_here, waited_before

# Wraps the work of a node, given what it reads and how often it has run in the region.
Work = Coroutine[Any, Any, Outcome]
Around = Callable[[PlannedNode, View, int, Work], Work]


class RegionPaused(Exception):
    """The run is to be paused, and the region has stopped before the nodes that are next."""


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
        inner = await inner_view(node, view, run, names, variables)
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
        output = output_of(node.body, region.outputs, only)
        if declared is not None:
            await require_fit("output", output, declared.output)
        return BodyResult(output, region.outputs, region.written)

    return run_node(node, view, run, turn, Inside(run_body, recorded, record, journal.flush))


@dataclass
class Region:
    """The state of a plan that runs: settled edges, outputs, and which nodes are at work.

    It runs only `nodes`; others that they wake are in `left`. `edges` are those that had settled
    before, and then also those that settle here. `around` wraps the work of each node. Once
    `is_pausing`, no more nodes start.

    `_times` counts how often nodes have run or were cancelled; `_lost` says by what races were
    decided without them. What was woken and then withdrawn is in `_gone`, and does not start.
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
    _work: AtWork = field(default_factory=AtWork)
    _lost: dict[tuple[str, int], str] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _held: HeldFailures = field(init=False)
    _failure: BaseException | None = None
    _is_caught_up: bool = False

    def __post_init__(self) -> None:
        self._held = HeldFailures(self.plan.wiring, self.journal)
        self._scope = scope_in(self.view, self.outputs, self.written, self.path, self.edges)

    async def run_all(self, entries: Iterable[str]) -> None:
        """Run from these nodes until no node is at work and none is woken."""
        self._wake(entries)
        self._is_caught_up = True
        # What was changed is newer than the journal: a node that writes it has it taken back.
        self.outputs.update(self.run.changed.outputs(self.path))
        self.written.update(self.run.changed.variables(self.path))
        work = self._work
        try:
            while work.tasks or (work.ready and not self.is_pausing()):
                await self._continue()
        except asyncio.CancelledError:
            self._say_all_cancelled(self.run.lost_to())
            raise
        finally:
            await work.end()
        if self._failure is not None:
            self._held.release()
            raise self._failure
        if work.ready:
            raise RegionPaused
        if waiting := work.waits.left():
            raise Interrupted(*waiting)

    async def _continue(self) -> None:
        """Run the ready nodes until one has finished; a single one is awaited without a task."""
        work = self._work
        if (single := work.take_single()) is not None:
            await self._attend(single)
            return
        if not self.is_pausing():
            for node in work.ready:
                work.start(self._attend(node), node)
            work.ready.clear()
        for node, problem in await work.next():
            if problem is not None:
                self._stop(node, problem)
        self._answer_here()

    async def _attend(self, node: PlannedNode) -> None:
        """Run a node, and do what follows at once: a race is decided by what ends first."""
        try:
            outcome = await self._execute(node)
        except (NodeFailed, Interrupted) as stopped:
            if not self._work.is_cancelled:
                self._stop(node, stopped)
        else:
            if not self._work.is_cancelled:
                self._finish(node, outcome)

    def _execute(self, node: PlannedNode) -> Coroutine[Any, Any, Outcome]:
        turn, run = self._times[node.id], self.run
        if node.body is not None and node.id in self.plan.wiring.racers:
            run = replace(
                run, lost_to=lambda: self._lost.get((node.id, turn)) or self.run.lost_to()
            )
        work = execute_in(node, self._scope, run, self.journal, turn)
        return work if self.around is None else self.around(node, self._scope, turn, work)

    def _wake(self, names: Iterable[str]) -> None:
        # Each name is in it once: several edges that settle before a node has looked wake it once.
        todo, races = dict.fromkeys(names), dict[str, None]()
        while (todo or races) and self._failure is None:
            # A race comes last, so that it is decided in a resumed run as it was before.
            is_race = not todo
            name = next(iter(todo or races))
            del (todo or races)[name]
            if name not in self.nodes:
                self.left[name] = None
            elif name in self._work.busy:
                self._work.again.add(name)
            elif self.plan.nodes[name].wire.is_race and not is_race:
                races[name] = None
            else:
                todo.update(dict.fromkeys(self._visit(self.plan.nodes[name])))
                for gone in self._gone:
                    todo.pop(gone, None)
                    races.pop(gone, None)
                self._gone.clear()

    def _visit(self, node: PlannedNode) -> list[str]:
        """Let a node that was woken look at its edges, and start it; return whom this wakes."""
        wire = node.wire
        if wire.is_static:
            return self._start(node)
        wiring = self.plan.wiring
        if wire.is_race:
            arrival = decide(wiring, wire, self.edges, self.journal, self._key(node))
        else:
            arrival = arrive(wiring, wire, self.edges)
        losing = sources_of_spent(wiring, [node.id], arrival.edges, self.edges)
        woken = self._apply(arrival)
        if wire.is_race:
            woken += self._after_race(node, arrival, losing)
        return [*woken, *self._start(node)] if arrival.runs else woken

    def _after_race(
        self, race: PlannedNode, arrival: Settlement, losing: Iterable[str]
    ) -> list[str]:
        """Cancel what no one needs once a race is decided; fail if failures have decided it."""
        wiring = self.plan.wiring
        if race.id in arrival.skipped and race.id not in wiring.racers:
            failure = self._held.blamed_for(race.id)
            if failure is not None:
                self._fail(failure)
                return []
        if arrival.runs:
            self._held.won(race.id)
        return self._withdraw(unneeded(wiring, losing, self.edges), race.id)

    def _withdraw(self, names: list[str], by: str) -> list[str]:
        """Let nodes not run any more, and those that only they need; return whom this wakes."""
        woken, gone = list[str](), set[str]()
        while names:
            gone.update(names)
            self._gone.update(names)
            step = withdrawn(self.plan.wiring, names, self.edges)
            before = sources_of_spent(self.plan.wiring, names, step.edges, self.edges)
            woken += self._apply(step)
            for name in names:
                self._cancel(self.plan.nodes[name], by)
            more = unneeded(self.plan.wiring, before, self.edges)
            names = [name for name in more if name not in gone]
        return [name for name in woken if name not in gone]

    def _cancel(self, node: PlannedNode, by: str) -> None:
        name, key = node.id, (node.id, self._times[node.id])
        found = self._work.cancel(node)
        if found.was_at_work:
            self._lost[key] = by
        # In a resumed run, those that are ready were at work before.
        if found.waited or found.was_at_work or (found.was_busy and not self._is_caught_up):
            self._say_cancelled(node, found.waited, by)
        elif name != by and not self._times[name] and self._is_caught_up:
            self.run.emit(NODE_SKIPPED.of_node(name, {}, self.path))
        self._times[name] += 1

    def _say_cancelled(self, node: PlannedNode, waited: Iterable[Interrupt], by: str) -> None:
        for event in cancellations(self.path, node.id, waited, by, self.journal, self._key(node)):
            self.run.emit(event)

    def _say_all_cancelled(self, by: str | None) -> None:
        """Emit that all nodes are cancelled that are at work or wait, if a race is why."""
        for name in sorted(self._work.begun()) if by is not None else ():
            self._say_cancelled(self.plan.nodes[name], self._work.waits.drop(name), by or "")

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
            self._fail(too_many_steps(node, self.run.max_steps))
            return []
        known = self.journal.recorded(self._key(node))
        if known is not None:
            return self._take(node, known)
        if node.id in self.plan.wiring.racers:
            failed = self._held.recorded(self._key(node), node.id)
            if failed is not None:
                return self._hold(node, failed)
        self._work.add(node)
        return []

    def _finish(self, node: PlannedNode, outcome: Outcome) -> None:
        self._work.busy.discard(node.id)
        self.journal.record(self._key(node), outcome)
        self._wake(self._take(node, outcome))

    def _stop(self, node: PlannedNode, failure: BaseException) -> None:
        """Let a node wait, or fail; on a path of a race, a failure ends that path alone."""
        if isinstance(failure, Interrupted):
            # It stays busy: the region cannot start it again before there is an answer.
            self._wait(node, failure.interrupts)
            return
        self._work.busy.discard(node.id)
        if not isinstance(failure, NodeFailed) or self._failure is not None:
            self._fail(failure)
            return
        if failed_path(self.plan.wiring, node.id, self.edges):
            self._wake(self._hold(node, failure))
        else:
            self._fail(failure)

    def _wait(self, node: PlannedNode, interrupts: Iterable[Interrupt]) -> None:
        if self.run.can_wait and node.id in self.plan.wiring.racers:
            waited = waited_before(self.run, self.journal, self._key(node))
            self._work.waits.add(node.id, interrupts, waited)
        else:
            self._work.waits.add(node.id, interrupts)

    def _answer_here(self) -> None:
        """Run nodes again whose time to wait is over while others are at work."""
        waits = self._work.waits
        for name, answers in waits.over().items():
            self.run = answered_here(self.run, waits.drop(name), answers)
            self._work.add(self.plan.nodes[name])

    def _hold(self, node: PlannedNode, failure: NodeFailed) -> list[str]:
        """Hold a failure back while others may decide the race; return whom its end wakes."""
        self._held.hold(self._key(node), node.id, failure)
        return self._withdraw(failed_path(self.plan.wiring, node.id, self.edges), node.id)

    def _fail(self, failure: BaseException) -> None:
        """After a failure, start no more nodes; those at work finish."""
        self._failure = self._failure or failure
        self._work.ready.clear()

    def _take(self, node: PlannedNode, outcome: Outcome) -> list[str]:
        """Apply the outcome of a node, and return the nodes that it wakes."""
        self._times[node.id] += 1
        self.outputs.update(outputs_after(node, outcome))
        self.written.update(outcome.variables)
        woken = self._continue_after(node, outcome)
        if node.id in self._work.again:
            self._work.again.discard(node.id)
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
