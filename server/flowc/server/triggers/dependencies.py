"""Dependencies: workflows that start when runs of others have ended."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowc.server.engine.driving import InputRefused, require_input
from flowc.server.environment.environment import EnvironmentNotReady
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import dependencies_key
from flowc.server.records.triggers import Dependencies, DependencyOutcome
from flowc.server.runs.run_options import RunOptions
from flowc.server.runs.runs import Runs
from flowc.server.store import NoSuchWorkflow, StoredRuns, StoredWorkflows
from flowc.server.store.runs.admission import TooManyRuns
from flowc.server.store.runs.stored_runs import NoSuchRun
from flowc.server.store.triggers import StoredTriggers
from flowc.server.workflows.compiled import Workflows

log = logging.getLogger(__name__)

# The name under which the input of a run has the outputs that it depends on.
NAME = "dependencies"
# Why a run does not start, which the log says.
_NOT_STARTED = (NoSuchWorkflow, NoSuchRun, InputRefused, EnvironmentNotReady, TooManyRuns)


class DependenciesRefused(Refused):
    """The dependencies are refused."""


@dataclass(frozen=True)
class WorkflowDependencies:
    """The dependencies of one tenant's workflows.

    A workflow starts when, since its last start, a run of each workflow that it depends on has
    ended as it waits for: completed, failed, or in any way. The `status`, `output` and `error` of
    those runs are in its input under `dependencies`, by workflow id.
    """

    triggers: StoredTriggers
    workflows: Workflows
    stored_workflows: StoredWorkflows
    stored_runs: StoredRuns
    runs: Runs
    # Without it, two runs that complete at once would each find the other, and start it twice.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def set(
        self, workflow_id: str, others: Mapping[str, DependencyOutcome], given: Mapping[str, Any]
    ) -> Dependencies:
        """Store the dependencies of a workflow, with how a run of each must end.

        Raises NoSuchWorkflow, DependenciesRefused or InputRefused.
        """
        await self.require_possible(workflow_id, list(others))
        stored = await self.stored_workflows.get(workflow_id)
        empty = {"run_id": "", "status": "completed", "output": None, "error": None}
        sample = dict.fromkeys(others, empty)
        await require_input(await self.workflows.compiled(stored), {**given, NAME: sample})
        await self.triggers.set_dependencies(workflow_id, dict(sorted(others.items())), given)
        return await self.get(workflow_id)

    async def require_possible(self, workflow_id: str, others: Sequence[str]) -> None:
        """Raise NoSuchWorkflow or DependenciesRefused if a workflow cannot depend on others."""
        for each in (workflow_id, *others):
            await self.stored_workflows.get(each)
        known = {each.workflow_id: list(each.runs) for each in await self.triggers.dependencies()}
        path = _way_back({**known, workflow_id: list(others)}, workflow_id)
        if path:
            raise DependenciesRefused(
                problems=[f"The workflow depends on itself: {' → '.join(path)}."]
            )

    async def get(self, workflow_id: str) -> Dependencies:
        """Return the dependencies of a workflow; raise NoSuchWorkflow."""
        await self.stored_workflows.get(workflow_id)
        found = await self.triggers.dependencies(workflow_id)
        return found[0] if found else Dependencies(workflow_id, {}, {}, {})

    async def begin(self, run_id: str) -> None:
        """Start the workflows for which this run was the last missing one; repeating it is safe."""
        try:
            run = await self.stored_runs.get(run_id)
        except NoSuchRun:
            return
        if run.workflow_id is None or run.finished_at is None:
            # The run failed, and was retried since.
            return
        async with self._turn:
            await self.triggers.ended(run, run.finished_at)
            for each in await self.triggers.dependencies():
                if run.id in each.runs.values() and all(each.runs.values()):
                    await self._begin(each)

    async def _begin(self, ready: Dependencies) -> None:
        runs = {other: str(run_id) for other, run_id in ready.runs.items()}
        key = dependencies_key(ready.workflow_id, runs)
        try:
            stored = await self.stored_workflows.get(ready.workflow_id)
            compiled = await self.workflows.compiled(stored)
            done = {other: await self._done(run_id) for other, run_id in runs.items()}
            given = {**ready.input, NAME: done}
            mine = self.runs.triggered_by("dependencies")
            await mine.submit(compiled, given, stored, RunOptions(key, is_compared=False))
        except _NOT_STARTED as problem:
            log.warning("The dependencies of %s started no run: %s", ready.workflow_id, problem)
        await self.triggers.use_up(ready)

    async def _done(self, run_id: str) -> dict[str, Any]:
        run = await self.stored_runs.get(run_id)
        return {"run_id": run_id, "status": run.status, "output": run.output, "error": run.error}


def _way_back(known: Mapping[str, Sequence[str]], begin: str) -> list[str]:
    """Return the path along dependencies from a workflow to itself, empty if there is none.

    >>> _way_back({"a": ["b"], "b": ["c", "a"]}, "a")
    ['a', 'b', 'a']
    """
    seen: set[str] = set()
    todo = [(begin, [begin])]
    while todo:
        name, path = todo.pop()
        for other in known.get(name, ()):
            if other == begin:
                return [*path, other]
            if other not in seen:
                seen.add(other)
                todo.append((other, [*path, other]))
    return []
