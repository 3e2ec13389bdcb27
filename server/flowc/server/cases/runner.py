"""Runs a case and compares the result with what the case expects."""

import difflib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.guards import Guards
from flowc.compiler.running.events import Event, EventKind, name_of
from flowc.compiler.running.recorded import Recorded as RecordedNode
from flowc.compiler.running.recorded import Recording
from flowc.compiler.running.run_context import RunSecret
from flowc.nodes.services.lasting import MemoryVariables
from flowc.nodes.services.models import Models
from flowc.server.cases.case_files import Case, Expected, MockedNode
from flowc.server.cases.made_up_world import World
from flowc.server.cases.recorded_models import RecordedAnswers, RecordedModels
from flowc.server.engine.driving import InputRefused, context_of, drive_in, new_run
from flowc.server.records.runs import RunRecord
from flowc.server.tenant_services import TenantServices

MAX_STEPS = 10_000


@dataclass(frozen=True)
class CaseResult:
    """The result of one case; `problems` are sentences or diffs, and none if it passed."""

    file: str
    name: str
    problems: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Rehearsal:
    """A run of a case: its record, the nodes that completed, and what is not as expected."""

    record: RunRecord
    path: list[str]
    problems: tuple[str, ...]


async def rehearse(
    case: Case, compiled: CompiledWorkflow, services: TenantServices, models: Models
) -> Rehearsal:
    """Run a case, whose run is not stored; raise InputRefused."""
    record, path = await _run(case, compiled, services, models)
    problems = (*_unknown_mocks(case, compiled), *differences(case.expect, record, path))
    return Rehearsal(record, path, problems)


async def run_case(
    case: Case,
    compiled: CompiledWorkflow,
    services: TenantServices,
    recorded: RecordedAnswers,
    *,
    is_recording: bool = False,
    file: str = "",
) -> CaseResult:
    """Run a case, and return how its result differs from the expected one."""
    started = time.perf_counter()
    models = RecordedModels(services.models, recorded, is_recording=is_recording)
    try:
        found = (await rehearse(case, compiled, services, models)).problems
    except InputRefused as refused:
        found = (str(refused),)
    missing = [f"not recorded:\n{diff}" for diff in models.missing]
    return CaseResult(file, case.name, (*found, *missing), time.perf_counter() - started)


async def _run(
    case: Case, compiled: CompiledWorkflow, services: TenantServices, models: Models
) -> tuple[RunRecord, list[str]]:
    world = World(case.clock, case.answers, case.signals)
    record, path = await new_run(compiled, case.input), list[str]()

    def note(event: Event) -> None:
        if event.kind == EventKind.NODE_COMPLETED:
            path.append(name_of(event.path, event.node_id or ""))

    async def secret(name: str, workflow_id: str | None) -> RunSecret | None:
        value = case.secrets.get(name)
        return await services.secret(name, workflow_id) if value is None else RunSecret(value)

    # Each case starts with fresh limits and circuits, so that none depends on the ones before.
    context = replace(
        context_of(compiled, record, services, MAX_STEPS, None),
        services={**services.by_type, Models: models},
        secret=secret,
        guards=Guards(),
        emit=note,
        wait_for=world.wait_for,
        now=world.now,
        lasting=MemoryVariables(),
        recording=Recording({}, {name: _recorded(mock) for name, mock in case.mocks.items()}),
    )
    return await drive_in(compiled, record, context), path


def _recorded(mock: MockedNode) -> RecordedNode:
    error = (mock.error.code, mock.error.message) if mock.error is not None else None
    return RecordedNode(mock.output, mock.branch, mock.variables, error)


def _unknown_mocks(case: Case, compiled: CompiledWorkflow) -> Iterator[str]:
    known = set(_names(compiled.plan.nodes))
    for name in case.mocks:
        if name not in known:
            yield f"mocks: there is no node {name!r}."


def _names(nodes: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, node in nodes.items():
        yield f"{before}{name}"
        if node.body is not None:
            yield from _names(node.body.nodes, f"{before}{name}.")


def differences(expected: Expected, record: RunRecord, path: list[str]) -> Iterator[str]:
    """Yield each way in which a run did not end as expected."""
    status = expected.status or ("failed" if expected.error is not None else "completed")
    code = (record.error or {}).get("code")
    if record.status != status:
        why = f" ({code}: {record.error['message']})" if record.error else ""
        yield f"status: expected {status}, got {record.status}{why}."
        return
    if expected.error is not None and code != expected.error:
        yield f"error: expected {expected.error}, got {code}."
    yield from _in_output(expected, record.output)
    yield from _in_path(expected.path, path)
    cost = record.usage["cost"]
    if expected.max_cost is not None and cost > expected.max_cost:
        yield f"cost: expected at most {expected.max_cost:g} US dollars, got {cost:g}."


def _in_output(expected: Expected, output: Any) -> Iterator[str]:
    if "output" in expected.model_fields_set and output != expected.output:
        yield f"output:\n{_diff(expected.output, output)}"
    if "output_contains" in expected.model_fields_set:
        wanted = _overlaid(output, expected.output_contains)
        if wanted != output:
            yield f"output:\n{_diff(wanted, output)}"


def _in_path(expected: list[str] | None, path: list[str]) -> Iterator[str]:
    if expected is None:
        return
    has_bodies = any("." in name for name in expected)
    taken = path if has_bodies else [name for name in path if "." not in name]
    if taken != expected:
        yield f"path:\n{_diff(expected, taken)}"


def _overlaid(value: Any, expected: Any) -> Any:
    """Return a value overlaid with the expected parts: unchanged if it contains them all.

    >>> _overlaid({"a": 1, "b": 2}, {"b": 2}), _overlaid({"a": 1}, {"b": 2})
    ({'a': 1, 'b': 2}, {'a': 1, 'b': 2})
    """
    if not isinstance(value, dict) or not isinstance(expected, dict):
        return expected
    return {**value, **{key: _overlaid(value.get(key), part) for key, part in expected.items()}}


def _diff(expected: Any, found: Any) -> str:
    before, after = (
        json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).splitlines()
        for value in (expected, found)
    )
    return "\n".join(difflib.unified_diff(before, after, "expected", "found", lineterm="", n=2))
