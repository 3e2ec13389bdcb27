"""The variables that a run can read and set, other than its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.definition import VariableScope
from flowc.compiler.node import LastingVariables, NodeError, Written
from flowc.nodes.services.lasting import VariableComparison
from flowc.server.records.runs import RunRecord
from flowc.server.store.lasting import StoredVariables, VariableOwner


@dataclass(frozen=True)
class VariablesOfRun(LastingVariables):
    """The variables of a run's thread, of its workflow, and of who started it."""

    stored: StoredVariables
    run: RunRecord

    async def read(
        self, scope: VariableScope, names: Collection[str], workflow: str | None = None
    ) -> dict[str, Any]:
        """Return the values of those that are stored; none if the run has no such scope."""
        owner = self._owner(scope, workflow)
        return await self.stored.read(owner, names) if owner is not None else {}

    async def write(
        self,
        scope: VariableScope,
        values: Mapping[str, Any],
        expected: Mapping[str, Any],
        *,
        defaults: Mapping[str, Any],
        id: str,
        workflow: str | None = None,
    ) -> Written:
        """Store values if the stored ones are those expected; with the same id, only once."""
        owner = self._owner(scope, workflow)
        if owner is None:
            raise NodeError(f"no-{scope}", _MISSING[scope], hint=_HINTS[scope])
        wanted = VariableComparison(values, expected, defaults)
        return await self.stored.write(owner, wanted, id, self.run.id)

    def _owner(self, scope: VariableScope, workflow: str | None) -> VariableOwner | None:
        run = self.run
        ids = {
            "thread": run.thread_id,
            "workflow": workflow or run.workflow_id,
            "user": run.started_by,
        }
        id = ids.get(scope)
        return VariableOwner(scope, id) if id is not None else None


_MISSING = {
    "thread": "The run is of no thread, so a variable of the thread cannot be set.",
    "workflow": "The workflow is not stored, so it has no variables that last.",
    "user": "The run was started by no one, so a variable of the user cannot be set.",
}
_HINTS = {
    "thread": "Start the run in a thread, by a chat with the workflow.",
    "workflow": "Store the workflow, and run it by its id.",
    "user": "Start the run with a key or as a user.",
}
