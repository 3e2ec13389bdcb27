"""Both document stores keep their promises: Chroma on this machine, pgvector in PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest

from fakes.processes import new_database
from flowc.rag.stores import DocumentStore, FilterRefused, StoreInUse, local, read_filter, vectors
from flowc.rag.stores.local import LocalStore
from flowc.rag.stores.postgres import PostgresStore
from flowc.rag.testing import CHECKS, MODEL, NAME, check_store, put, sources


@pytest.fixture(params=["local", "postgres"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "local":
        return lambda tenant="default": LocalStore.open(tmp_path / tenant, tenant)
    url = new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]
    return lambda tenant="default": PostgresStore.open(url, tenant)


async def test_a_store_keeps_its_promises(opens) -> None:
    await check_store(opens)


async def test_tenants_see_nothing_of_each_other(opens) -> None:
    one: DocumentStore = await opens("one")
    two: DocumentStore = await opens("two")
    await one.create(NAME, MODEL, 8)
    assert await two.collections() == []
    await two.create(NAME, MODEL, 8)
    await put(one, "a", ["secret of one"])
    assert await sources(one, "secret") == ["a"]
    assert await sources(two, "secret") == []
    assert await two.documents(NAME, "", 9) == []
    await two.drop(NAME)
    assert await sources(one, "secret") == ["a"]
    await one.aclose()
    await two.aclose()


async def test_only_one_process_can_open_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_PATIENCE", 0.1)
    store = await LocalStore.open(tmp_path / "knowledge")
    with pytest.raises(StoreInUse, match="Another process"):
        await LocalStore.open(tmp_path / "knowledge")
    await store.aclose()
    await (await LocalStore.open(tmp_path / "knowledge")).aclose()


@pytest.mark.parametrize(
    "where",
    [
        [], "x", {"$not": {}}, {"$and": []}, {"$or": "x"}, {"": 1}, {"a": {}}, {"a": None},
        {"a": {"$in": []}}, {"a": {"$in": "x"}}, {"a": {"$in": [1, "x"]}}, {"a": {"$like": "x"}},
        {"a": {"$gt": "x"}}, {"a": {"$gt": True}}, {"a": [1]}, {"a": {"b": 1}}, {"source": 1},
        {"page": "1"}, {"$and": [{"a": 1}] * 51}, {"a": {"$in": list(range(1001))}},
    ],
)  # fmt: skip
def test_an_invalid_filter_is_refused(where: object) -> None:
    with pytest.raises(FilterRefused):
        read_filter(where)


def test_every_check_runs() -> None:
    from flowc.rag import testing

    named = {value for name, value in vars(testing).items() if name.startswith("_check_")}
    assert named - set(CHECKS) == {testing._check_reopening}


async def test_slower_vectors_are_added_in_smaller_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, sizes, seconds_each = [0.0], list[int](), [0.0]
    monkeypatch.setattr(vectors, "perf_counter", lambda: clock[0])
    store = await LocalStore.open(tmp_path)
    await store.create(NAME, MODEL, 3)
    collection = store._vectors._collection(1)
    upsert = collection.upsert

    def timed(**what: Any) -> None:
        sizes.append(len(what["ids"]))
        clock[0] += sizes[-1] * seconds_each[0]
        upsert(**what)

    monkeypatch.setattr(collection, "upsert", timed)
    for each in (0.005, 0.1, 0.001):
        seconds_each[0] = each
        await put(store, f"{each}.md", [f"Part {number}." for number in range(200)])
    await store.aclose()
    # The first batch may be too large; later ones take a quarter of a second.
    assert sizes == [128, 50, 22, 50, 32, 32, 32, 32, 22, 32, 168]
