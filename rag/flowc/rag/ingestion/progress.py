"""Counts what an ingestion does, and reports it while it runs."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from flowc.rag.documents import DocumentRefused
from flowc.rag.ingestion.report import Report

# Called with `document` or `progress`, and JSON about it.
OnProgress = Callable[[str, dict[str, Any]], None]

_REPORT_SECONDS = 0.25


class Progress:
    """The report of an ingestion that still runs; each change is passed on to a callback."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.report = Report()
        self._on_progress = on_progress
        self._reported_at = 0.0

    def published(self, source: str, passages: int, *, is_new: bool) -> None:
        """Count a document whose new passages can be found from now on."""
        self.report.added += is_new
        self.report.changed += not is_new
        self._document(source, "added" if is_new else "changed", passages=passages)

    def unchanged(self, source: str) -> None:
        """Count a document that is stored already, as it is now."""
        self.report.unchanged += 1
        self._document(source, "unchanged")

    def repeated(self, source: str) -> None:
        """Report a document that came before in this ingestion; it is not counted again."""
        self._document(source, "repeated")

    def removed(self, sources: Iterable[str]) -> None:
        """Report documents that were removed."""
        for source in sources:
            self._document(source, "removed")

    def failed(self, source: str, problem: DocumentRefused) -> None:
        """Count a document that cannot be read."""
        code, message = problem.code, problem.message
        self.report.fail(source, code, message)
        self._document(source, "failed", code=code, message=message)

    def counts(self) -> None:
        """Report how many documents and passages there are so far, a few times a second at most."""
        if monotonic() - self._reported_at > _REPORT_SECONDS:
            self._reported_at = monotonic()
            report = self.report
            data = {"documents": report.documents, "passages": report.passages}
            self._on_progress("progress", data)

    def _document(self, source: str, status: str, **details: Any) -> None:
        self._on_progress("document", {"source": source, "status": status, **details})
