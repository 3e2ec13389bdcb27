"""The stored workflows that a workflow can run by id."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flowc.compiler.reading.documents import Document


@dataclass(frozen=True, slots=True)
class StoredDefinition:
    """One version of a stored workflow."""

    id: str
    version: str
    document: Document


Find = Callable[[str, str | None], StoredDefinition | None]


def find_nothing(id: str, version: str | None) -> StoredDefinition | None:
    """Return None: there are no stored workflows."""
    return None


@dataclass
class Library:
    """The stored workflows as one compilation sees them: each is looked up once.

    So a workflow that is stored meanwhile cannot appear in two versions. `find(id, version)`
    returns a stored workflow, or None if it does not exist; a version of None means the newest.
    """

    find: Find = find_nothing
    looked_up: dict[tuple[str, str | None], StoredDefinition | None] = field(default_factory=dict)

    def get(self, id: str, version: str | None) -> StoredDefinition | None:
        """Return a stored workflow, or None if it does not exist."""
        key = (id, version)
        if key not in self.looked_up:
            self.looked_up[key] = self.find(id, version)
        return self.looked_up[key]
