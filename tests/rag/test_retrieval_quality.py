"""Measures how well passages of a generated corpus are found; fails if a change makes it worse."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fakes import corpus
from fakes.document_collections import each
from flowc.rag.chunking import Chunking
from flowc.rag.embedding import Embeddings, OfflineEmbedder
from flowc.rag.folders import Folders
from flowc.rag.ingestion import Ingestion
from flowc.rag.reading import Reader
from flowc.rag.retrieval import Mode, Search, search
from flowc.rag.stores import DocumentStore
from flowc.rag.stores.local import LocalStore

# Recall among the first five, and mean reciprocal rank among the first ten, as measured.
MEASURED: dict[Mode, tuple[float, float]] = {
    "vector": (0.8, 0.426),
    "keyword": (0.765, 0.62),
    "hybrid": (0.95, 0.634),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[DocumentStore, corpus.Corpus]]:
    folder = tmp_path_factory.mktemp("corpus")
    made = corpus.made_in(folder)
    store, reader = await LocalStore.open(tmp_path_factory.mktemp("store")), Reader()
    embeddings = Embeddings(OfflineEmbedder(), store)
    ingestion = Ingestion(store, reader, embeddings, Chunking(by="headings", size=96, overlap=0))
    report = await ingestion.run("islands", each(Folders([folder]).items(str(folder))))
    assert (report.added, report.failed) == (corpus.ISLANDS, 0)
    yield store, made
    await reader.aclose()
    await store.aclose()


async def measure(store: DocumentStore, made: corpus.Corpus, mode: Mode) -> tuple[float, float]:
    """Return the recall among the first five, and the mean reciprocal rank among the first ten."""
    embeddings = Embeddings(OfflineEmbedder(), store)
    found, ranks = 0, 0.0
    for question, fact in made.questions:
        hits = await search(store, "islands", question, Search(mode=mode, limit=10), embeddings)
        places = [
            place
            for place, hit in enumerate(hits, 1)
            if Path(hit.passage.source).name == fact.source
            and " ".join(fact.sentence.split()) in " ".join(hit.passage.text.split())
        ]
        found += bool(places) and places[0] <= 5
        ranks += 1 / places[0] if places else 0.0
    return found / len(made.questions), ranks / len(made.questions)


@pytest.mark.asyncio(loop_scope="module")
async def test_hybrid_search_is_at_least_as_good_as_each_alone(
    library: tuple[DocumentStore, corpus.Corpus],
) -> None:
    store, made = library
    assert len(list(made.folder.iterdir())) >= 60
    assert len(made.questions) >= 200
    assert len({file.suffix for file in made.folder.iterdir()}) == 4
    got = {mode: await measure(store, made, mode) for mode in MEASURED}
    for mode, (recall, rank) in got.items():
        print(f"{mode:8} recall@5 {recall:.3f}  MRR {rank:.3f}")
    for number in (0, 1):
        assert got["hybrid"][number] >= max(got["vector"][number], got["keyword"][number])
    for mode, known in MEASURED.items():
        assert all(now >= then - 0.005 for now, then in zip(got[mode], known, strict=True)), mode
