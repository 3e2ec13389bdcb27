"""Which stored workflows can a workflow run by their ids?"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flowc.compiler.reading.documents import Document


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a stored workflow."""

    id: str
    version: str
    document: Document


Find = Callable[[str, str | None], Stored | None]


def find_nothing(id: str, version: str | None) -> Stored | None:
    """Know no stored workflow."""
    return None


@dataclass
class Library:
    """The stored workflows as one compilation sees them: what was looked up once stays so.

    `find` returns a workflow in the version asked for, None being the newest; or None if there is
    no such workflow.
    """

    find: Find = find_nothing
    looked_up: dict[tuple[str, str | None], Stored | None] = field(default_factory=dict)

    def get(self, id: str, version: str | None) -> Stored | None:
        """Return a stored workflow, if there is one."""
        key = (id, version)
        if key not in self.looked_up:
            self.looked_up[key] = self.find(id, version)
        return self.looked_up[key]
