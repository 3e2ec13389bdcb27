"""Replays: which outputs of an earlier run a new run reuses, and which nodes run again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.analysis.graph import DONE, ERROR
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.event_data import ReadsData
from flowc.compiler.running.events import EventKind, name_of
from flowc.compiler.running.recorded import Recorded, RecordedPlace, Recording
from flowc.server.records.refused import Refused
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import NodeRecord, RunRecord

MockJson = Mapping[str, Any]
# Values of variables by the paths of the bodies that they are in.
ChangesByScope = Mapping[str, Mapping[str, Any]]


class ReplayRefused(Refused):
    """This is not possible."""


@dataclass(frozen=True)
class Replay:
    """Where a run is run again from: a node, the state after an event, or its start.

    `input` replaces the run's input. `mocks` are, by node name, what nodes return instead of
    running: an `output`, and the `branch` of a node that branches.
    """

    from_node: str | None = None
    after_event: int | None = None
    input: dict[str, Any] | None = None
    mocks: Mapping[str, MockJson] = field(default_factory=dict)


def recorded_for(
    replay: Replay, events: Sequence[RunEvent], compiled: CompiledWorkflow
) -> dict[str, Any]:
    """Return what a replay reuses of a run's events, as JSON; raise ReplayRefused."""
    problems = list(_problems(replay, events, compiled))
    if problems:
        raise ReplayRefused(problems=problems)
    reused, changes = _reused(replay, events, compiled.plan)
    times = [[*place, [done._asdict() for done in found]] for place, found in reused.items()]
    reads = [[*place, found] for place, found in _reads(events, compiled.plan).items()]
    always = dict(replay.mocks)
    return {"times": times, "always": always, "reads": reads, "changes": changes}


def given_recording(
    recorded: Mapping[str, Any], compiled: CompiledWorkflow, run: RunRecord
) -> Recording:
    """Return a stored recording, for a run that may have started already."""
    times = {
        (path, node_id): [_recorded(done) for done in found]
        for path, node_id, found in recorded["times"]
    }
    always = {name: _recorded(mock) for name, mock in recorded["always"].items()}
    done = {
        name: _times(record)
        for name, record in run.nodes.items()
        # A region knows the turn of its nodes; without a journal entry, it starts again from 0.
        if not any(part.counts_turns(name, compiled.plan.wiring) for part in compiled.sections)
    }
    reads = {(path, node_id): found for path, node_id, found in recorded.get("reads", ())}
    return Recording(times, always, _repeating(compiled.plan), done, reads)


def _times(record: NodeRecord) -> int:
    """Return how often a node has run to its end."""
    return record.runs - (record.status in {"running", "waiting"})


def _recorded(done: Mapping[str, Any]) -> Recorded:
    error = done.get("error")
    code_and_message = (error[0], error[1]) if error else None
    variables = done.get("variables") or {}
    return Recorded(done.get("output"), done.get("branch"), variables, code_and_message)


def _reused(
    replay: Replay, events: Sequence[RunEvent], plan: Plan
) -> tuple[Mapping[RecordedPlace, list[Recorded]], ChangesByScope]:
    """Return what nodes did before the point from which nodes run again.

    What a person changed until then counts as written by the node that had written it before; the
    variables that no node had written are returned, too, by scope.
    """
    last, again = _cut(replay, events, plan)
    repeating = _repeating(plan)
    reused: defaultdict[RecordedPlace, list[Recorded]] = defaultdict(list)
    writers, changes = dict[RecordedPlace, RecordedPlace](), dict[str, dict[str, Any]]()
    if replay.from_node is None and replay.after_event is None:
        return reused, changes
    for event in events:
        if event.kind == EventKind.RUN_CHANGED and event.number <= last:
            _change(event.data, reused, writers, changes)
        done = _done(event)
        if done is None or event.node_id is None:
            continue
        if event.number > last and (event.path or event.node_id in again):
            continue
        place = (event.path, event.node_id)
        # A node that ran again after a crash has several events for one turn: the last one counts.
        is_again = name_of(*place) in repeating
        reused[place] = [*reused[place], done] if is_again else [done]
        writers.update(((event.path, name), place) for name in done.variables)
    return reused, changes


def _change(
    data: Mapping[str, Any],
    reused: Mapping[RecordedPlace, list[Recorded]],
    writers: Mapping[RecordedPlace, RecordedPlace],
    changes: dict[str, dict[str, Any]],
) -> None:
    """Apply a change to what is reused; `writers` are the nodes that last wrote each variable."""
    scope = data["scope"]
    for node_id, output in data["outputs"].items():
        if done := reused.get((scope, node_id)):
            done[-1] = done[-1]._replace(output=output)
    for name, value in data["variables"].items():
        writer = writers.get((scope, name))
        if writer is None:
            changes.setdefault(scope, {})[name] = value
        else:
            done = reused[writer]
            done[-1] = done[-1]._replace(variables={**done[-1].variables, name: value})


def _reads(events: Sequence[RunEvent], plan: Plan) -> Mapping[RecordedPlace, list[ReadsData]]:
    """Return the times and seeds that nodes read; those that run again read them again."""
    repeating = _repeating(plan)
    reads: defaultdict[RecordedPlace, list[ReadsData]] = defaultdict(list)
    for event in events:
        found = event.data.get("reads")
        if found is None or event.node_id is None:
            continue
        place = (event.path, event.node_id)
        reads[place] = [*reads[place], found] if name_of(*place) in repeating else [found]
    return reads


def _cut(replay: Replay, events: Sequence[RunEvent], plan: Plan) -> tuple[int, frozenset[str]]:
    """Return the number of the last event that counts for all nodes, and the nodes that run again.

    Later events count only for nodes that do not run again.
    """
    everything = frozenset(plan.nodes)
    if replay.from_node is None:
        return replay.after_event or 0, everything
    start = _first_start(replay.from_node, events)
    top = replay.from_node.split(".")[0]
    return (start or 0) - 1, _from(top, plan)


def _first_start(name: str, events: Sequence[RunEvent]) -> int | None:
    for event in events:
        if (
            event.kind == EventKind.NODE_STARTED
            and name_of(event.path, event.node_id or "") == name
        ):
            return event.number
    return None


def _done(event: RunEvent) -> Recorded | None:
    """Return the result of a node if this event reports one with which the run continued."""
    data = event.data
    if event.kind == EventKind.NODE_COMPLETED:
        return Recorded(data["output"], data.get("branch"), data.get("variables", {}))
    if event.kind == EventKind.NODE_FAILED and data.get("handled"):
        return Recorded(error=(data["code"], data["message"]))
    return None


def _from(name: str, plan: Plan) -> frozenset[str]:
    """Return a node and all nodes that follow it."""
    found, todo = {name}, [name]
    while todo:
        for edge in plan.nodes[todo.pop()].wire.outgoing:
            if edge.target not in found:
                found.add(edge.target)
                todo.append(edge.target)
    return frozenset(found)


def _repeating(plan: Plan, prefix: str = "") -> frozenset[str]:
    """Return the names of the nodes that edges can run several times."""
    own = {f"{prefix}{name}" for name, loops in plan.wiring.loops_of.items() if loops}
    bodies = ((name, node.body) for name, node in plan.nodes.items() if node.body is not None)
    return frozenset(own).union(*(_repeating(body, f"{prefix}{name}.") for name, body in bodies))


def nodes_in(plan: Plan, prefix: str = "") -> Iterator[tuple[str, PlannedNode]]:
    """Yield all nodes by their names, also those in bodies."""
    for name, node in plan.nodes.items():
        yield f"{prefix}{name}", node
        if node.body is not None:
            yield from nodes_in(node.body, f"{prefix}{name}.")


def names_in(plan: Plan, prefix: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the names of all nodes, also in bodies, with the branches that edges use."""
    for name, node in nodes_in(plan, prefix):
        taken = frozenset(b for edge in node.wire.outgoing for b in edge.branches or ())
        yield name, taken - {DONE, ERROR}


def require_nodes(names: Iterable[str], compiled: CompiledWorkflow) -> None:
    """Raise ReplayRefused if there is no node of one of these names."""
    known = dict(names_in(compiled.plan))
    problems = [f"There is no node {name!r}." for name in names if name not in known]
    if problems:
        raise ReplayRefused(problems=problems)


def _problems(
    replay: Replay, events: Sequence[RunEvent], compiled: CompiledWorkflow
) -> Iterator[str]:
    known = dict(names_in(compiled.plan))
    start = replay.from_node
    if start is not None and replay.after_event is not None:
        yield "Name a node or an event, not both."
    if start is not None and start not in known:
        yield f"There is no node {start!r}."
    elif start is not None and _first_start(start, events) is None:
        yield f"The node {start!r} did not run."
    if replay.after_event is not None and replay.after_event > len(events):
        yield f"The run has {len(events)} events."
    for name, mock in replay.mocks.items():
        if name not in known:
            yield f"There is no node {name!r} to mock."
        elif known[name] and mock.get("branch") not in known[name]:
            branches = ", ".join(sorted(known[name]))
            yield f"The node {name!r} branches; its mock needs a branch: {branches}."
