"""Makes a case of a run that has ended, so that the same can be tested again."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.running.events import EventKind
from flowc.server.cases.case_files import LONGEST_NAME, Case
from flowc.server.records.interrupts import InterruptRecord
from flowc.server.records.run_events import RunEvent
from flowc.server.records.runs import RunRecord

# Where an interrupt has the name by which a case gives its answer.
_NAMES = {"human": "title", "signal": "signal"}


@dataclass(frozen=True)
class CaseOfRun:
    """A case made of a run, and what of the run it could not keep, in sentences."""

    case: Case
    notes: list[str]


def case_of(
    run: RunRecord,
    events: Sequence[RunEvent],
    asked: Sequence[InterruptRecord],
    plan: Plan,
    name: str | None,
    *,
    mocks_all: bool,
) -> CaseOfRun:
    """Return a case that expects what a run did.

    Mocked are the nodes that use something outside the workflow, or else all of them; not those
    that wait for people and signals, whose answers the case gives. A mock has one outcome: a node
    that had several is not mocked.
    """
    notes: list[str] = []
    given: dict[str, Any] = {
        "name": name or f"run {run.id}",
        "input": run.input,
        "mocks": dict(_mocks(events, plan, notes, mocks_all=mocks_all)),
        "answers": _answers(asked, "human", notes),
        "signals": _answers(asked, "signal", notes),
        "clock": run.created_at,
        "expect": _expected(run, events),
    }
    kept = {key: value for key, value in given.items() if value not in ({}, None)}
    return CaseOfRun(Case.model_validate({**kept, "name": given["name"][:LONGEST_NAME]}), notes)


def _expected(run: RunRecord, events: Iterable[RunEvent]) -> dict[str, Any]:
    path = [
        event.node_id
        for event in events
        if event.kind == EventKind.NODE_COMPLETED and not event.path
    ]
    if run.status == "completed":
        return {"status": run.status, "output": run.output, "path": path}
    code = (run.error or {}).get("code")
    return {"status": run.status, **({"error": code} if code else {}), "path": path}


def _mocks(
    events: Sequence[RunEvent], plan: Plan, notes: list[str], *, mocks_all: bool
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    outcomes: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        name, done = event.node_id or "", _outcome(event)
        if name in plan.nodes and not event.path and done is not None:
            outcomes[name].append(done)
    for name, found in outcomes.items():
        node = plan.nodes[name]
        if node.may_wait or not (mocks_all or _is_outside(node)):
            continue
        if len({json.dumps(each, sort_keys=True) for each in found}) == 1:
            yield name, found[0]
        else:
            notes.append(f"{name!r} ran {len(found)} times with different outcomes: not mocked.")


def _outcome(event: RunEvent) -> Mapping[str, Any] | None:
    data = event.data
    if event.kind == EventKind.NODE_FAILED:
        return {"error": {"code": data["code"], "message": data["message"]}}
    if event.kind != EventKind.NODE_COMPLETED:
        return None
    found = {key: data.get(key) for key in ("branch", "variables") if data.get(key)}
    return {"output": data["output"], **found}


def _is_outside(node: PlannedNode) -> bool:
    """Return whether a node, or one in its body, uses something outside the workflow."""
    effects = node.effects
    if effects.needs or effects.calls != (0, 0):
        return True
    if node.body is not None:
        return any(_is_outside(inner) for inner in node.body.nodes.values())
    return not (node.is_repeatable or node.node_type.group == "flow")


def _answers(asked: Iterable[InterruptRecord], kind: str, notes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in asked:
        if each.kind != kind or each.status not in {"answered", "late"}:
            continue
        name = str(each.data.get(_NAMES[kind], ""))
        # With null, the question times out.
        answer = each.answer if each.status == "answered" else None
        if name in found and found[name] != answer:
            notes.append(
                f"{name[:60]!r} was answered in different ways: the case has the first answer."
            )
        found.setdefault(name, answer)
    return found
