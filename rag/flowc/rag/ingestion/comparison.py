"""Finds the items that are new or have changed, and queues a draft for each of them."""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence

from flowc.rag.documents import DocumentRefused
from flowc.rag.ingestion.drafts import DocumentDraft
from flowc.rag.ingestion.fingerprints import Fingerprints
from flowc.rag.ingestion.items import DocumentItem, digest_of
from flowc.rag.ingestion.progress import Progress
from flowc.rag.stores import DocumentStore, KnownDocument

# How many items are compared with the store at once.
GROUP = 200
MAX_SOURCE = 1_024


class Comparison:
    """Compares the items of one visit to an origin with what a collection holds.

    A visit is one ingestion of one origin. Its id marks the documents that were seen in it, so that
    those that were not can be removed.
    """

    def __init__(
        self,
        store: DocumentStore,
        collection: str,
        visit: str,
        fingerprints: Fingerprints,
        progress: Progress,
    ) -> None:
        self._store, self._collection, self._visit = store, collection, visit
        self._fingerprints, self._progress = fingerprints, progress
        self._unpublished: list[DocumentDraft] = []

    async def run(
        self, items: AsyncIterable[DocumentItem], changed: asyncio.Queue[DocumentDraft | None]
    ) -> None:
        """Put a draft into `changed` for each item that is new or has changed."""
        group: list[DocumentItem] = []
        async for item in items:
            group.append(item)
            if len(group) >= GROUP:
                await self._compare(group, changed)
                group = []
        if group:
            await self._compare(group, changed)

    async def _compare(
        self, items: Sequence[DocumentItem], changed: asyncio.Queue[DocumentDraft | None]
    ) -> None:
        # Before the store is read: what is published in between is then in one of the two.
        self._unpublished = [draft for draft in self._unpublished if not draft.is_over]
        sources = [item.source for item in items]
        known = await self._store.known_documents(self._collection, sources)
        if known:
            await self._store.mark_seen(self._collection, list(known), self._visit)
        fingerprints = await asyncio.to_thread(lambda: [self._fingerprint(item) for item in items])
        new = self._new_or_changed(list(zip(items, fingerprints, strict=True)), known)
        ids = await self._store.drafts(self._collection, len(new))
        for id, (item, fingerprint) in zip(ids, new, strict=True):
            is_new = item.source not in known
            draft = DocumentDraft(
                id, item, self._fingerprints.origin, self._visit, is_new, fingerprint
            )
            self._unpublished.append(draft)
            await changed.put(draft)

    def _new_or_changed(
        self,
        items: Sequence[tuple[DocumentItem, str | DocumentRefused]],
        known: Mapping[str, KnownDocument],
    ) -> list[tuple[DocumentItem, str]]:
        """Return the items that must be read; count and report the others."""
        came = self._came_before(known)
        new: list[tuple[DocumentItem, str]] = []
        for item, fingerprint in items:
            source = item.source
            if isinstance(fingerprint, DocumentRefused):
                self._progress.failed(source, fingerprint)
            elif source in came:
                self._report_repetition(source, is_same=came[source] == fingerprint)
            else:
                came[source] = fingerprint
                if source in known and known[source].fingerprint == fingerprint:
                    self._progress.unchanged(source)
                else:
                    new.append((item, fingerprint))
        return new

    def _came_before(self, known: Mapping[str, KnownDocument]) -> dict[str, str]:
        """Return the fingerprints of the documents that came before in this visit, by source."""
        published = {s: its.fingerprint for s, its in known.items() if its.seen == self._visit}
        return published | {draft.item.source: draft.fingerprint for draft in self._unpublished}

    def _report_repetition(self, source: str, *, is_same: bool) -> None:
        if is_same:
            self._progress.repeated(source)
        else:
            message = "Several documents have this name; the first one was taken."
            self._progress.failed(source, DocumentRefused("several-documents", message))

    def _fingerprint(self, item: DocumentItem) -> str | DocumentRefused:
        """Return the fingerprint of an item, or why it has none."""
        try:
            _require_short(item)
            return self._fingerprints.of(item, digest_of(item))
        except DocumentRefused as problem:
            return problem


def _require_short(item: DocumentItem) -> None:
    if len(item.source) > MAX_SOURCE:
        message = f"Its source has more than {MAX_SOURCE:,} characters."
        raise DocumentRefused("document-not-allowed", message)
