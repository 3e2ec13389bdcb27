"""Defines the report of an ingestion."""

from dataclasses import asdict, dataclass, field
from typing import Any

from flowc.rag.embedding.embeddings import Usage

MAX_FAILURES = 100


@dataclass(slots=True)
class Report:
    """The number of documents added, changed, unchanged, removed and failed, and why they failed.

    `passages` were stored: the texts of `embedded` were sent to the model, for `tokens` and `cost`
    (in US dollars, where the model reports it), and the vectors of `cached` were stored already.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    passages: int = 0
    embedded: int = 0
    cached: int = 0
    tokens: int = 0
    cost: float = 0.0

    @property
    def documents(self) -> int:
        """The number of documents that were looked at."""
        return self.added + self.changed + self.unchanged + self.failed

    def fail(self, source: str, code: str, message: str) -> None:
        """Count a document that cannot be read; the first hundred are listed in `failures`."""
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append({"source": source, "code": code, "message": message})

    def count(self, usage: Usage) -> None:
        """Take over what embedding cost."""
        self.embedded, self.cached = usage.embedded, usage.cached
        self.tokens, self.cost = usage.tokens, usage.cost

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {"documents": self.documents, **asdict(self)}
