"""What did an ingestion do?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from flowc.rag.embedding.embeddings import Usage

# Told with what happened (`document`, `progress`) and JSON about it.
Tell = Callable[[str, dict[str, Any]], None]

MAX_FAILURES = 100


@dataclass(slots=True)
class Report:
    """How many documents came, changed, stayed and went; what could not be read, and why.

    `passages` were stored; of their texts, `embedded` were paid for with `tokens` and `cost` (in US
    dollars, as far as known), and the vectors of `cached` were known.
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
        """How many documents were looked at."""
        return self.added + self.changed + self.unchanged + self.failed

    def fail(self, source: str, code: str, message: str) -> None:
        """Note a document that could not be read; the first hundred are named."""
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append({"source": source, "code": code, "message": message})

    def count(self, usage: Usage) -> None:
        """Note what embedding took."""
        self.embedded, self.cached = usage.embedded, usage.cached
        self.tokens, self.cost = usage.tokens, usage.cost

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"documents": self.documents, **asdict(self)}
