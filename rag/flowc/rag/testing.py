"""Checks that a store keeps the promises of `flowc.rag.stores.DocumentStore`.

A test of a new store calls `await check_store(open)`. `open` returns the store, empty at first; it
is called again after the store is closed, and must then return the same content.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np

from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import (
    CollectionDiffers,
    DocumentStore,
    FinishedDraft,
    KnownDocument,
    NewPassage,
    NoSuchCollection,
    Passage,
    StoredDocument,
    read_filter,
)

Open = Callable[[], Awaitable[DocumentStore]]

MODEL, DIMENSION = "test/model", 8
NAME = "papers"


async def check_store(open: Open) -> None:
    """Raise AssertionError unless the store keeps its promises."""
    for check in CHECKS:
        store = await open()
        try:
            for known in await store.collections():
                await store.drop(known.name)
            await check(store)
        finally:
            await store.aclose()
    await _check_reopening(open)


def vector(*numbers: float) -> Vector:
    """Return a vector of the length that the checks use, filled up with zeros."""
    return np.asarray([*numbers, *[0.0] * (DIMENSION - len(numbers))], np.float32)


async def put(
    store: DocumentStore,
    source: str,
    texts: Mapping[str, Vector] | Sequence[str],
    metadata: Mapping[str, Any] | None = None,
    *,
    name: str = NAME,
    origin: str = "here",
) -> None:
    """Store a document whose passages have these texts, and these vectors or one for all."""
    vectors = texts if isinstance(texts, Mapping) else {text: vector(1) for text in texts}
    [draft] = await store.drafts(name, 1)
    await store.add(name, passages(draft, source, vectors, metadata or {}))
    document = StoredDocument(
        source, sha256(repr(sorted(vectors)).encode()).hexdigest(), origin, len(vectors),
        10 * len(vectors), dict(metadata or {}), datetime.now(UTC),
    )  # fmt: skip
    await store.publish(name, [FinishedDraft(draft, document)])


def passages(
    draft: str, source: str, texts: Mapping[str, Vector], metadata: Mapping[str, Any]
) -> list[NewPassage]:
    """Return the passages of a draft, ten characters apart, each on its own page."""
    return [
        NewPassage(
            draft,
            Passage(source, number, text, 10, 10 * number, 10 * number + len(text),
                    number + 1, number + 2, ("Top", f"Part {number}"), dict(metadata)),
            vector,
        )
        for number, (text, vector) in enumerate(texts.items())
    ]  # fmt: skip


async def sources(store: DocumentStore, text: str, where: Any = None) -> list[str]:
    """Return the sources of passages found by words; assert that vectors find the same."""
    filter = read_filter(where)
    by_words = [each.passage.source for each in await store.matching(NAME, text, 50, filter)]
    near = [each.passage.source for each in await store.nearest(NAME, vector(1), 50, filter)]
    assert sorted(set(by_words)) == sorted(set(near)), (where, by_words, near)
    return sorted(set(by_words))


async def _check_collections(store: DocumentStore) -> None:
    made = await store.create(NAME, MODEL, DIMENSION)
    assert (made.name, made.model, made.dimension) == (NAME, MODEL, DIMENSION)
    assert (await store.create(NAME, MODEL, DIMENSION)).created_at == made.created_at
    for model, dimension in (("other/model", DIMENSION), (MODEL, DIMENSION + 1)):
        assert await _raises(CollectionDiffers, store.create(NAME, model, dimension))
    await store.create("letters", MODEL, 3)
    assert [known.name for known in await store.collections()] == ["letters", NAME]
    await store.drop("letters")
    assert await _raises(NoSuchCollection, store.collection("letters"))
    assert await _raises(NoSuchCollection, store.drop("letters"))
    assert await _raises(NoSuchCollection, store.nearest("letters", vector(1), 5, None))
    assert await _raises(NoSuchCollection, store.matching("letters", "x", 5, None))
    # A new collection of the same name does not find what was in the old one.
    await put(store, "a.txt", ["alpha"])
    await store.drop(NAME)
    await store.create(NAME, MODEL, DIMENSION)
    assert await sources(store, "alpha") == []
    assert await store.documents(NAME, "", 10) == []


async def _check_passages(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    # Characters that mean something in SQL, in a full-text query or to a model.
    text = 'It\'s "quoted", <|endoftext|>, ünïcode 漢字 🙂 % _ \\ ; -- \n'
    await put(store, "dir/it's.txt", {text: vector(0.6, 0.8)}, {"lang": "de", "year": 2024})
    for found in (
        await store.nearest(NAME, vector(0.6, 0.8), 5, None),
        await store.matching(NAME, 'quoted "OR" NEAR( * ünïcode:', 5, None),
    ):
        [one] = found
        passage = one.passage
        assert (passage.source, passage.number, passage.text) == ("dir/it's.txt", 0, text)
        assert (passage.page, passage.last_page) == (1, 2)
        assert passage.headings == ("Top", "Part 0")
        assert (passage.tokens, passage.start, passage.end) == (10, 0, len(text))
        assert passage.metadata == {"lang": "de", "year": 2024}
    [near] = await store.nearest(NAME, vector(0.8, 0.6), 5, None)
    assert abs(near.score - 0.96) < 1e-3
    assert near.vector is not None
    assert np.allclose(near.vector, vector(0.6, 0.8), atol=1e-6)
    for nothing in ("", "?!", "absent", "the"):
        assert await store.matching(NAME, nothing, 5, None) == []


async def _check_order(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    assert await store.passages(NAME, "angles", -1, 9) == []
    angles = {f"text number {i}": vector(np.cos(i / 10), np.sin(i / 10)) for i in range(10)}
    await put(store, "angles", angles)
    some = await store.passages(NAME, "angles", 6, 2)
    assert [each.number for each in some] == [7, 8]
    assert [each.text for each in some] == ["text number 7", "text number 8"]
    near = await store.nearest(NAME, vector(1), 4, None)
    assert [each.passage.number for each in near] == [0, 1, 2, 3]
    assert [each.score for each in near] == sorted((each.score for each in near), reverse=True)
    # BM25: one rare word weighs more than one that is in all other passages.
    rare = "zebra " + "common filler words here " * 5
    await put(store, "rare", [rare])
    for i in range(5):
        await put(store, f"common{i}", [f"common filler words {i}"])
    found = await store.matching(NAME, "common zebra", 10, None)
    assert found[0].passage.source == "rare"
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)
    # Parts of hosts, paths and addresses are words.
    await put(store, "names", ["see docs.example.org/path_to/file.txt, or ann@example.com; it's"])
    for word in ("docs", "path", "ann", "file"):
        assert [each.passage.source for each in await store.matching(NAME, word, 9, None)] == [
            "names"
        ]
    # English words are found by their stems.
    await put(store, "twice", ["running runner: it runs and runs"])
    assert [each.passage.source for each in await store.matching(NAME, "run", 9, None)] == ["twice"]


async def _check_filters(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    await put(store, "a", ["word"], {"lang": "de", "year": 2020, "is_open": True, 'odd "key"$.': 1})
    await put(store, "b", ["word"], {"lang": "en", "year": 2021.5})
    await put(store, "c", ["word"], {"year": "2021", "source": "not ours"})
    for where, expected in FILTERS:
        assert await sources(store, "word", where) == expected, where


# Values of different types are never equal, and negations are true without the field.
FILTERS: tuple[tuple[Any, list[str]], ...] = (
    (None, ["a", "b", "c"]),
    ({"lang": "de"}, ["a"]),
    ({"lang": {"$ne": "de"}}, ["b", "c"]),
    ({"lang": {"$in": ["de", "en"]}}, ["a", "b"]),
    ({"lang": {"$nin": ["de", "fr"]}}, ["b", "c"]),
    ({"year": {"$gt": 2020}}, ["b"]),
    ({"year": {"$gte": 2020, "$lt": 2021}}, ["a"]),
    ({"year": 2021}, []),
    ({"year": "2021"}, ["c"]),
    ({"is_open": True}, ["a"]),
    ({"is_open": 1}, []),
    ({"is_open": {"$ne": True}}, ["b", "c"]),
    ({"source": "b"}, ["b"]),
    ({"source": {"$in": ["a", "c"]}}, ["a", "c"]),
    ({"page": 1}, ["a", "b", "c"]),
    ({"page": {"$gt": 1}}, []),
    ({"none": "x"}, []),
    ({"lang": "de' OR '1'='1"}, []),
    ({'odd "key"$.': 1}, ["a"]),
    ({"$or": [{"lang": "de"}, {"year": "2021"}]}, ["a", "c"]),
    ({"$and": [{"lang": "de"}, {"year": 2020}]}, ["a"]),
    ({"lang": "de", "$or": [{"year": 1}, {"page": 1}]}, ["a"]),
)


async def _check_replacement(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    await put(store, "a", ["old one", "old two"])
    [draft] = await store.drafts(NAME, 1)
    await store.add(NAME, passages(draft, "a", {"new one": vector(1)}, {}))
    assert [each.passage.text for each in await store.matching(NAME, "new", 9, None)] == []
    assert len(await store.nearest(NAME, vector(1), 9, None)) == 2
    document = StoredDocument("a", "new print", "here", 1, 10, {"x": 1}, datetime.now(UTC))
    await store.publish(NAME, [FinishedDraft(draft, document)])
    assert [e.passage.text for e in await store.nearest(NAME, vector(1), 9, None)] == ["new one"]
    assert await store.matching(NAME, "old", 9, None) == []
    assert await store.known_documents(NAME, ["a", "b"]) == {"a": KnownDocument("new print", "")}
    assert [each.text for each in await store.passages(NAME, "a", -1, 9)] == ["new one"]
    assert await store.passages(NAME, "none", -1, 9) == []
    [known] = await store.documents(NAME, "", 9)
    assert (known.source, known.passages, known.metadata) == ("a", 1, {"x": 1})
    # An ingestion was interrupted; a document could not be read to its end.
    [left] = await store.drafts(NAME, 1)
    await store.add(NAME, passages(left, "a", {"never": vector(1)}, {}))
    await store.sweep(NAME)
    [dropped] = await store.drafts(NAME, 1)
    await store.add(NAME, passages(dropped, "a", {"never": vector(1)}, {}))
    await store.discard(NAME, [dropped])
    assert await sources(store, "never one") == ["a"]
    assert await store.matching(NAME, "never", 9, None) == []
    collection = await store.collection(NAME)
    assert (collection.documents, collection.passages) == (1, 1)


async def _check_removal(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    for source in ("a", "b", "c"):
        await put(store, source, ["word"])
    await put(store, "elsewhere", ["word"], origin="there")
    await store.mark_seen(NAME, ["a", "c"], "visit")
    known = await store.known_documents(NAME, ["a", "b"])
    assert (known["a"].seen, known["b"].seen) == ("visit", "")
    assert await store.unseen(NAME, "here", "visit", 9) == ["b"]
    assert await store.unseen(NAME, "here", "other", 2) == ["a", "b"]
    [draft] = await store.drafts(NAME, 1)
    document = StoredDocument("c", "print", "here", 0, 0, {}, datetime.now(UTC))
    await store.publish(NAME, [FinishedDraft(draft, document, "visit")])
    assert await store.unseen(NAME, "here", "visit", 9) == ["b"]
    await put(store, "c", ["word"])
    await store.mark_seen(NAME, ["c"], "visit")
    assert await store.remove(NAME, ["b", "none"]) == 1
    assert await sources(store, "word") == ["a", "c", "elsewhere"]
    assert [each.source for each in await store.documents(NAME, "a", 1)] == ["c"]


async def _check_nothing_half_replaced(store: DocumentStore) -> None:
    """While a document is replaced, each search finds passages of one version only."""
    await store.create(NAME, MODEL, DIMENSION)
    await put(store, "a", [f"version zero {i}" for i in range(8)])
    is_over = False

    async def replace() -> None:
        nonlocal is_over
        for turn in range(12):
            await put(store, "a", [f"version turn{turn} {i}" for i in range(8)])
        is_over = True

    async def search() -> None:
        while not is_over:
            for found in (
                await store.nearest(NAME, vector(1), 20, None),
                await store.matching(NAME, "version", 20, None),
            ):
                assert len(found) == 8, len(found)
                assert len({each.passage.text.split()[1] for each in found}) == 1

    await asyncio.gather(replace(), search(), search())


async def _check_alone(store: DocumentStore) -> None:
    await store.create(NAME, MODEL, DIMENSION)
    await store.create("other", MODEL, DIMENSION)
    order: list[str] = []

    async def work(name: str, turn: str) -> None:
        async with store.alone(name):
            order.append(f"{turn} begins")
            await asyncio.sleep(0.05)
            order.append(f"{turn} ends")

    async with store.alone("other"):
        await asyncio.gather(work(NAME, "one"), work(NAME, "two"))
    assert order in (
        ["one begins", "one ends", "two begins", "two ends"],
        ["two begins", "two ends", "one begins", "one ends"],
    )


async def _check_vectors(store: DocumentStore) -> None:
    stored = {bytes([i]) * 32: vector(i, 1) for i in range(5)}
    await store.store_vectors(MODEL, stored)
    await store.store_vectors(MODEL, {bytes([4]) * 32: vector(4, 1), bytes([9]) * 32: vector(9)})
    known = await store.known_vectors(MODEL, [bytes([i]) * 32 for i in (0, 4, 7, 9)])
    assert sorted(known) == [bytes([i]) * 32 for i in (0, 4, 9)]
    assert np.array_equal(known[bytes([4]) * 32], vector(4, 1))
    assert await store.known_vectors("other/model", list(stored)) == {}


async def _check_vectors_at_once(store: DocumentStore) -> None:
    """Several transactions that store the same vectors do not disturb each other."""
    keys = [bytes([i]) * 32 for i in range(200)]
    orders = (keys, keys[::-1], keys[100:] + keys[:100], keys[::2] + keys[1::2])
    for turn in range(10):
        model = f"{MODEL}/{turn}"
        batches = [{key: vector(*key[:1]) for key in order} for order in orders]
        await asyncio.gather(*(store.store_vectors(model, each) for each in batches))
        assert len(await store.known_vectors(model, keys)) == len(keys)


async def _check_reopening(open: Open) -> None:
    store = await open()
    await store.create(NAME, MODEL, DIMENSION)
    await put(store, "a", ["remains"])
    await store.aclose()
    store = await open()
    try:
        assert await sources(store, "remains") == ["a"]
        await store.drop(NAME)
    finally:
        await store.aclose()


async def _raises(kind: type[Exception], work: Awaitable[Any]) -> bool:
    try:
        await work
    except kind:
        return True
    return False


CHECKS = (
    _check_collections,
    _check_passages,
    _check_order,
    _check_filters,
    _check_replacement,
    _check_removal,
    _check_nothing_half_replaced,
    _check_alone,
    _check_vectors,
    _check_vectors_at_once,
)
