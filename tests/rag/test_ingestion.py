"""A collection follows its documents: each is added, replaced or removed as a whole."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes import document_files as papers
from fakes.document_collections import Library
from fakes.processes import new_database
from flowc.rag.embedding import EmbeddingFailed
from flowc.rag.ingestion import from_file, from_text
from flowc.rag.reading import Reader
from flowc.rag.stores import CollectionDiffers, DocumentStore
from flowc.rag.stores.local import LocalStore
from flowc.rag.stores.postgres import PostgresStore


@pytest.fixture(params=["local", "postgres"])
async def library(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Library]:
    store: DocumentStore
    if request.param == "local":
        store = await LocalStore.open(tmp_path / "knowledge")
    else:
        url = new_database(request.getfixturevalue("postgres"))["FLOWC_DATABASE_URL"]
        store = await PostgresStore.open(url)
    reader = Reader()
    yield Library(store, reader)
    await reader.aclose()
    await store.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("apples", "bears", "cats"):
        (folder / f"{name}.txt").write_text(f"All about {name}. " * 60)
    return folder


def counts(report) -> tuple[int, ...]:
    return report.added, report.changed, report.unchanged, report.removed, report.failed


async def test_unchanged_documents_cost_nothing(library: Library, folder: Path) -> None:
    report = await library.ingest(folder)
    assert counts(report) == (3, 0, 0, 0, 0)
    assert report.passages == sum(len(texts) for texts in (await library.texts()).values()) > 6
    assert report.embedded > 0 < report.cost
    embedded = library.letters.texts
    # A new time of modification alone changes nothing.
    os.utime(folder / "cats.txt")
    report = await library.ingest(folder)
    assert counts(report) == (0, 0, 3, 0, 0)
    assert (report.embedded, report.cost, report.passages) == (0, 0, 0)
    assert library.letters.texts == embedded


async def test_changed_documents_are_replaced_and_missing_ones_removed(
    library: Library, folder: Path
) -> None:
    await library.ingest(folder)
    (folder / "cats.txt").write_text("Now about dogs. " * 10)
    (folder / "bears.txt").unlink()
    (folder / "new.md").write_text("# New\n\nSomething new.")
    assert counts(await library.ingest(folder)) == (1, 1, 1, 1, 0)
    texts = await library.texts()
    assert sorted(texts) == ["apples.txt", "cats.txt", "new.md"]
    assert "Now about dogs" in texts["cats.txt"][0]
    assert not any("cats" in text for text in texts["cats.txt"])
    statuses = {
        Path(d["source"]).name: d["status"] for kind, d in library.progress if kind == "document"
    }
    assert statuses == {
        "apples.txt": "unchanged", "cats.txt": "changed", "bears.txt": "removed", "new.md": "added",
    }  # fmt: skip


async def test_other_settings_replace_all_passages(library: Library, folder: Path) -> None:
    await library.ingest(folder)
    before = await library.texts()
    report = await library.ingest(folder, size=100)
    assert counts(report) == (0, 3, 0, 0, 0)
    assert await library.texts() != before
    await library.ingest(folder, size=64)
    # The vectors of the old passages are still cached.
    assert await library.texts() == before
    assert library.letters.texts < 3 * report.passages


async def test_one_folder_does_not_remove_documents_of_another(
    library: Library, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "zebras.txt").write_text("All about zebras.")
    await library.ingest(folder)
    await library.ingest(other)
    await library.ingest([from_text("note", "A note.")], origin="api")
    assert counts(await library.ingest(folder)) == (0, 0, 3, 0, 0)
    assert sorted(await library.texts()) == [
        "apples.txt",
        "bears.txt",
        "cats.txt",
        "note",
        "zebras.txt",
    ]
    (other / "zebras.txt").unlink()
    assert counts(await library.ingest(other)) == (0, 0, 0, 1, 0)


async def test_an_unreadable_document_is_reported_and_its_old_text_stays(
    library: Library, folder: Path
) -> None:
    papers.pdf(folder / "report.pdf", ["A good report."])
    await library.ingest(folder)
    (folder / "report.pdf").write_bytes(b"%PDF-1.7 broken now")
    (folder / "late.json").write_text('["' + "fine " * 50_000 + '", {"and then": ')
    report = await library.ingest(folder)
    assert counts(report) == (0, 0, 3, 0, 2)
    assert {(Path(f["source"]).name, f["code"]) for f in report.failures} == {
        ("report.pdf", "broken-document"), ("late.json", "broken-document"),
    }  # fmt: skip
    texts = await library.texts()
    assert texts["report.pdf"] == ["A good report."]
    assert "late.json" not in texts


async def test_a_document_with_an_error_near_its_end_stores_nothing(
    library: Library, folder: Path
) -> None:
    rows = [f'{{"n": {i}, "text": "{"word " * 20}"}}' for i in range(3_000)]
    (folder / "late.jsonl").write_text("\n".join([*rows, '{"broken']))
    report = await library.ingest(folder)
    assert report.failed == 1
    assert report.passages > 100
    assert sorted(await library.texts()) == ["apples.txt", "bears.txt", "cats.txt"]


async def test_passages_know_their_place(library: Library, folder: Path) -> None:
    papers.pdf(folder / "a.pdf", [f"Page {i} speaks of zebras number {i}." for i in range(1, 4)])
    (folder / "a.md").write_text("# Guide\n\n## Zebras\n\nThey have stripes.\n")
    await library.ingest(folder)
    [hit, *_] = await library.search("zebras speaks", where={"page": 1}, mode="keyword")
    assert (hit.passage.page, hit.passage.last_page) == (1, 3)
    [hit] = await library.search("stripes", mode="keyword")
    assert hit.passage.headings == ("Guide",)
    text = (folder / "a.md").read_text()
    assert text[hit.passage.start : hit.passage.end] == hit.passage.text


async def test_a_repeated_document_is_ingested_once(library: Library) -> None:
    one, same = from_text("a", "All about cats."), from_text("a", "All about cats.")
    other = from_text("a", "All about dogs.")
    many = [from_text(f"b{i}", f"All about {i}.") for i in range(300)]
    for new in ((301, 0), (0, 301)):
        report = await library.ingest([one, same, *many, *many, other])
        assert (report.added, report.unchanged, report.failed) == (*new, 1)
        assert report.failures[0]["code"] == "several-documents"
        assert (await library.texts())["a"] == ["All about cats."]


async def test_searches_filter_by_the_metadata_of_items(library: Library, folder: Path) -> None:
    items = [
        from_file(folder / "cats.txt", "cats", {"lang": "en", "year": 2024, "tags": ["x"]}),
        from_text("bären", "Alles über Bären.", {"lang": "de"}),
    ]
    await library.ingest(items)
    assert {h.passage.source for h in await library.search("Bären", where={"lang": "de"})} == {
        "bären"
    }
    documents = await library.store.documents("docs", "", 10)
    assert documents[1].metadata["tags"] == ["x"]
    assert documents[1].metadata["format"] == "text"
    items[1] = from_text("bären", "Alles über Bären.", {"lang": "bar"})
    assert counts(await library.ingest(items)) == (0, 1, 1, 0, 0)


async def test_another_model_is_refused(library: Library, folder: Path) -> None:
    await library.ingest(folder)
    library.letters.name = "test/other"
    with pytest.raises(CollectionDiffers, match="test/letters with 26"):
        await library.ingest(folder)


async def test_two_ingestions_of_a_collection_run_one_after_the_other(
    library: Library, folder: Path
) -> None:
    one, two = await asyncio.gather(library.ingest(folder), library.ingest(folder))
    assert sorted([counts(one), counts(two)]) == [(0, 0, 3, 0, 0), (3, 0, 0, 0, 0)]
    assert sorted(await library.texts()) == ["apples.txt", "bears.txt", "cats.txt"]


async def test_a_failing_model_ends_the_ingestion_and_the_next_one_continues(
    library: Library, folder: Path
) -> None:
    for i in range(100):
        (folder / f"n{i:03}.txt").write_text(f"Number {i} has words of its own: {'abc' * i}. " * 9)
    await library.ingest([], origin="none")
    failure = EmbeddingFailed("down", "The model is down.")
    embed = library.letters.embed

    async def until_later(texts, *, is_query=False):
        if library.letters.texts > 300:
            raise failure
        return await embed(texts)

    library.letters.embed = until_later  # type: ignore[method-assign]
    with pytest.raises(EmbeddingFailed, match="down"):
        await library.ingest(folder)
    some = await library.texts()
    assert 0 < len(some) < 103
    library.letters.embed = embed  # type: ignore[method-assign]
    before = library.letters.texts
    report = await library.ingest(folder)
    assert (report.added, report.unchanged) == (103 - len(some), len(some))
    assert report.embedded == library.letters.texts - before
    assert len(await library.texts()) == 103


async def test_a_cancelled_ingestion_leaves_no_half_documents(
    library: Library, folder: Path
) -> None:
    (folder / "long.txt").write_text("".join(f"Line {i} of a long text.\n" for i in range(20_000)))
    await library.ingest([], origin="none")
    task = asyncio.create_task(library.ingest(folder))
    while library.letters.texts < 200:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "long.txt" not in await library.texts()
    await library.ingest(folder)
    assert len(await library.texts()) == 4


@pytest.mark.parametrize("library", ["local"], indirect=True)
async def test_a_longer_text_takes_no_more_memory(library: Library, folder: Path) -> None:
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

    line = "The quick brown fox jumps over the lazy dog. " * 20 + "\n"
    (folder / "small.txt").write_text(line * 4_000)
    await library.ingest(folder, size=8_000)
    before = peak()
    (folder / "large.txt").write_text(line * 20_000)
    report = await library.ingest(folder, size=8_000)
    assert report.added == 1
    assert peak() - before < 60
