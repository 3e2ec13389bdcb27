"""Variables that outlive a run: those of a thread, of a workflow, and of a user."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import NamedTuple

from flowc.compiler.definition import VariableScope
from flowc.compiler.node.outcome import Json


class Written(NamedTuple):
    """What a write did: whether the values are stored, and the `current` ones by name."""

    is_stored: bool
    current: Mapping[str, Json]


class LastingVariables(ABC):
    """Stores the variables that one run can read and set, other than its own.

    `workflow` is the id of the stored workflow that sets or reads them, if it is not the run's own.
    """

    @abstractmethod
    async def read(
        self, scope: VariableScope, names: Collection[str], workflow: str | None = None
    ) -> dict[str, Json]:
        """Return the values of those that are stored; none if the run has no such scope."""

    @abstractmethod
    async def write(
        self,
        scope: VariableScope,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        *,
        defaults: Mapping[str, Json],
        id: str,
        workflow: str | None = None,
    ) -> Written:
        """Store values if the stored ones are those `expected`; with the same id, only once.

        A variable that is not stored has its default. Raises NodeError if the run has no such
        scope.
        """
