"""Searches find the best passages by vectors, by words, and by both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.document_collections import Library
from flowc.rag.ingestion import from_text
from flowc.rag.reading import Reader
from flowc.rag.retrieval import Search, fuse, search
from flowc.rag.stores import FilterRefused, NoSuchCollection, Passage, ScoredPassage
from flowc.rag.stores.local import LocalStore

TEXTS = {
    "aaa": "aaaa aaaa apple", "bbb": "bbbb bbbb banana", "zeta": "zzzz apple and pear",
    "twin": "aaaa aaaa apple", "none": "qqqq",
}  # fmt: skip


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    store, reader = await LocalStore.open(tmp_path / "knowledge"), Reader()
    made = Library(store, reader)
    await made.ingest([from_text(source, text) for source, text in TEXTS.items()])
    yield made
    await reader.aclose()
    await store.aclose()


async def sources(library: Library, question: str, **settings) -> list[str]:
    return [hit.passage.source for hit in await library.search(question, **settings)]


async def test_each_mode_finds_its_passages(library: Library) -> None:
    assert (await sources(library, "aaaa", mode="vector"))[:2] == ["aaa", "twin"]
    assert await sources(library, "pear", mode="keyword") == ["zeta"]
    assert await sources(library, "pear", mode="hybrid", limit=1) == ["zeta"]
    assert set(await sources(library, "aaaa apple", limit=2)) == {"aaa", "twin"}
    assert await sources(library, "  ") == []
    assert len(await sources(library, "apple", limit=2)) == 2


async def test_scores_show_how_well_passages_match(library: Library) -> None:
    [best, *_] = await library.search("aaaa aaaa apple", mode="vector")
    assert best.score == pytest.approx(1, abs=1e-3)
    hits = await library.search("zzzz apple and pear", mode="hybrid")
    assert hits[0].score == pytest.approx(1)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert await library.search("aaaa", mode="vector", threshold=0.99) == [
        hit for hit in await library.search("aaaa", mode="vector") if hit.score >= 0.99
    ]
    assert await library.search("banana", mode="keyword", threshold=1_000) == []


async def test_diversity_moves_repeating_passages_down(library: Library) -> None:
    assert set(await sources(library, "aaaa apple", mode="hybrid", limit=2)) == {"aaa", "twin"}
    diverse = await sources(library, "aaaa apple", mode="hybrid", limit=3, diversity=0.6)
    assert diverse[0] in ("aaa", "twin")
    assert len({"aaa", "twin"} & set(diverse)) == 1


async def test_a_reranker_decides_the_order(library: Library) -> None:
    class ByLength:
        async def rerank(self, question, texts):
            assert question == "apple"
            return [len(text) for text in texts]

    hits = await search(
        library.store,
        "docs",
        "apple",
        Search(limit=1, threshold=5),
        library.embeddings(),
        ByLength(),
    )
    assert [(hit.passage.source, hit.score) for hit in hits] == [("zeta", 19)]


async def test_unknown_collections_and_invalid_filters_are_refused(library: Library) -> None:
    with pytest.raises(NoSuchCollection):
        await library.search("x", name="none")
    with pytest.raises(FilterRefused):
        await library.search("x", where={"a": None})


def test_rankings_are_fused_by_place() -> None:
    def found(source: str) -> ScoredPassage:
        return ScoredPassage(Passage(source, 0, source, 1, 0, 1), 0.0)

    a, b, c, d = map(found, "abcd")
    joined = fuse([a, b, c], [b, d])
    assert [each.passage.source for each in joined] == ["b", "a", "d", "c"]
    assert fuse([a], [a])[0].score == 1
    assert [each.passage.source for each in fuse([a, c], [b, d])] == ["b", "a", "d", "c"]
    assert fuse([], []) == []
