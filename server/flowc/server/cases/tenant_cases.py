"""The cases of one tenant's workflows: stored, written as case files, run, and made of runs."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.reading.documents import Document, read_text
from flowc.server.cases.case_files import Case, CasesRefused, read_case_list
from flowc.server.cases.cases_of_runs import CaseOfRun, case_of
from flowc.server.cases.rehearsals import CaseOutcome, outcome_in_any_case
from flowc.server.cases.yaml_files import yaml_text
from flowc.server.records.bundles import BundledWorkflow
from flowc.server.records.refused import Refused
from flowc.server.records.runs import ENDED
from flowc.server.records.times import now
from flowc.server.store import StoredRuns, StoredWorkflows
from flowc.server.store.cases import CaseStatus, StoredCaseList, StoredCases, StoredResult
from flowc.server.store.runs.steering import NotPossible
from flowc.server.store.runs.stored_runs import WantedInterrupts
from flowc.server.tenant_services import TenantServices
from flowc.server.workflows.compiled import Workflows

_ALL_EVENTS = 1_000_000


class NoSuchCase(Refused):
    """The workflow has no stored case of this name."""


class RanCase(NamedTuple):
    """A case that was run, and how that ended."""

    case: Case
    outcome: CaseOutcome
    result: StoredResult


@dataclass(frozen=True)
class TenantCases:
    """One tenant's cases."""

    stored: StoredCases
    stored_workflows: StoredWorkflows
    stored_runs: StoredRuns
    workflows: Workflows
    services: TenantServices

    async def put(
        self, workflow_id: str, given: Document, author: str, expected: frozenset[int] | None
    ) -> StoredCaseList:
        """Replace the cases of a workflow; raise CasesRefused, CasesChanged or NoSuchWorkflow.

        The text of a case file in YAML that names its workflow is stored with its comments.
        """
        given = given if given.text is not None else _without_results(given)
        is_file = read_case_list(given).workflow is not None
        source = given.text if is_file else None
        return await self.stored.put(workflow_id, given.data["cases"], source, author, expected)

    async def as_file(self, workflow_id: str, found: StoredCaseList) -> str:
        """Return cases as the text of a case file beside the workflow's; raise NoSuchCase."""
        if not found.cases:
            raise NoSuchCase("The workflow has no stored cases.")
        if found.source is not None:
            return found.source
        stored = await self.stored_workflows.with_text(workflow_id)
        return yaml_text({"workflow": f"{workflow_id}.{stored.text[1]}", "cases": found.cases})

    async def text(self, workflow_id: str) -> str | None:
        """Return the cases of a workflow as a case file; None if it has none."""
        found = await self.stored.get(workflow_id)
        return await self.as_file(workflow_id, found) if found.cases else None

    async def changed_in(self, bundle: Sequence[BundledWorkflow]) -> Mapping[str, Document]:
        """Return the case files of a bundle that are not stored so, by the ids of workflows.

        Raises CasesRefused with the mistakes in all of them.
        """
        changed: dict[str, Document] = {}
        problems: list[Diagnostic] = []
        for each in bundle:
            if each.cases is None:
                continue
            try:
                found = await asyncio.to_thread(_read_file, each.cases, f"{each.id}.test.yaml")
            except DefinitionRefused as refused:
                problems += refused.diagnostics
            else:
                is_there = await self.stored_workflows.exists(each.id)
                if not is_there or await self.text(each.id) != each.cases:
                    changed[each.id] = found
        if problems:
            raise CasesRefused(problems)
        return changed

    async def put_files(self, files: Mapping[str, Document], author: str) -> None:
        """Store the case files of workflows."""
        for workflow_id, found in files.items():
            await self.put(workflow_id, found, author, None)

    async def run(
        self, workflow_id: str, number: int | None, names: Sequence[str] | None, most: float
    ) -> list[RanCase]:
        """Run cases of a workflow one after another, all within some seconds; store the results.

        Raises NoSuchWorkflow or NoSuchCase.
        """
        found = await self.stored.get(workflow_id)
        known = {each["name"]: Case.model_validate(each) for each in found.cases}
        wanted = list(known) if names is None else list(dict.fromkeys(names))
        if missing := [name for name in wanted if name not in known]:
            raise NoSuchCase(problems=[repr(name) for name in missing])
        done = await self.rehearse(workflow_id, number, [known[name] for name in wanted], most)
        await self.stored.add_results(workflow_id, [each.result for each in done])
        return done

    async def rehearse(
        self, workflow_id: str, number: int | None, cases: Sequence[Case], most: float
    ) -> list[RanCase]:
        """Run cases that need not be stored, and store nothing; raise NoSuchWorkflow."""
        workflow = await self.stored_workflows.get(workflow_id, number)
        compiled = await self.workflows.compiled(workflow)
        done: list[RanCase] = []
        end = time.monotonic() + most
        for case in cases:
            left = max(end - time.monotonic(), 0.0)
            outcome = await outcome_in_any_case(case, compiled, self.services, left)
            done.append(RanCase(case, outcome, _result(case.name, workflow.version, outcome)))
        return done

    async def of_run(self, run_id: str, name: str | None, *, mocks_all: bool) -> CaseOfRun:
        """Return a case made of a run that has ended; raise NoSuchRun or NotPossible."""
        run = await self.stored_runs.get(run_id)
        if run.status not in ENDED:
            raise NotPossible(f"The run is {run.status}: a case is made of one that has ended.")
        compiled = await self.workflows.pinned(run)
        events = await self.stored_runs.events(run_id, limit=_ALL_EVENTS)
        asked = await self.stored_runs.interrupts(WantedInterrupts(run_id=run_id))
        return case_of(run, events, asked, compiled.plan, name, mocks_all=mocks_all)


def _read_file(text: str, name: str) -> Document:
    found = read_text(text, name)
    read_case_list(found)
    return found


def _without_results(given: Document) -> Document:
    """Return cases that were read as JSON, and are sent back, without how they ended."""
    cases = given.data.get("cases") if isinstance(given.data, dict) else None
    if not isinstance(cases, list):
        return given
    kept = [
        {key: value for key, value in each.items() if key != "last_result"}
        if isinstance(each, dict)
        else each
        for each in cases
    ]
    return replace(given, data={**given.data, "cases": kept})


def _result(name: str, version: int, outcome: CaseOutcome) -> StoredResult:
    status: CaseStatus = "passed" if outcome.passed else "failed"
    return StoredResult(name, status, version, outcome.problems, outcome.seconds, now())
