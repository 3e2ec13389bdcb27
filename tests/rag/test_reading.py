"""Documents of all formats are read in a separate process; unreadable ones are refused."""

import asyncio
import gc
import json
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from fakes import document_files as papers
from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading import Reader, ReadersUnavailable, ReadingLimits
from flowc.rag.reading.formats import FORMATS


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    made = Reader()
    yield made
    await made.aclose()


async def read(reader: Reader, path: Path, **options: Any) -> tuple[list[Section], dict[str, Any]]:
    with path.open("rb") as file:
        return await reader.read(file, path.name, **options)


async def refused(reader: Reader, path: Path) -> str:
    with pytest.raises(DocumentRefused) as caught:
        await read(reader, path)
    assert "Traceback" not in caught.value.message
    return caught.value.code


async def text_of(reader: Reader, path: Path) -> str:
    return "".join(section.text for section in (await read(reader, path))[0])


def test_every_format_has_a_parser() -> None:
    assert all(callable(format.load_parser()) for format in FORMATS)


async def test_a_pdf_is_read_page_by_page(reader: Reader, tmp_path: Path) -> None:
    file = papers.pdf(tmp_path / "a.pdf", ["First page.", "", "Third page."], "Report")
    sections, metadata = await read(reader, file)
    assert sections == [Section("First page.\n\n", 1), Section("Third page.\n\n", 3)]
    assert metadata["title"] == "Report"
    assert (metadata["pages"], metadata["pages_without_text"]) == (3, [2])


async def test_scanned_pages_are_recognised_with_ocr(reader: Reader, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr", reason="the extra for OCR is not installed")
    file = papers.scanned_pdf(tmp_path / "a.pdf", "The harbour opens at seven.", "As text.")
    sections, _ = await read(reader, file)
    assert [section.page for section in sections] == [1]
    sections, metadata = await read(reader, file, with_ocr=True)
    assert sections[1].page == 2
    assert "harbour opens at seven" in sections[1].text
    assert metadata["pages_without_text"] == []
    image = papers.image(tmp_path / "a.jpg", "Closed on Mondays.")
    assert (await read(reader, image, with_ocr=True))[0] == [Section("Closed on Mondays.\n", 1)]
    assert await refused(reader, image) == "no-ocr"


async def test_markdown_has_its_headings(reader: Reader, tmp_path: Path) -> None:
    text = "intro\n\n# Top\n\nA \u2028 line.\n\n```\n# no heading\n```\n\n## Sub *one*\ntext\n\nTitle\n=====\nend\n"
    (tmp_path / "a.md").write_text(text)
    sections, _ = await read(reader, tmp_path / "a.md")
    assert "".join(section.text for section in sections) == text
    assert [section.headings for section in sections] == [
        (), ("Top",), ("Top", "Sub *one*"), ("Title",),
    ]  # fmt: skip


async def test_html_is_read_as_a_browser_shows_it(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<html><head><title> My  page </title><style>p {}</style></head><body><nav>menu</nav>"
        "<h1>One</h1><p>First <b>bold</b> &amp; plain</p><script>evil()</script><h2>Two</h2>"
        "<ul><li>a</li><li>b</li></ul></body></html>"
    )
    sections, metadata = await read(reader, tmp_path / "a.html")
    assert metadata["title"] == "My page"
    assert [section.headings for section in sections] == [("One",), ("One", "Two")]
    assert "First bold & plain" in sections[0].text
    whole = sections[0].text + sections[1].text
    assert not any(word in whole for word in ("evil", "menu", "p {}"))


async def test_deeply_nested_html_is_read(reader: Reader, tmp_path: Path) -> None:
    page = "<div>" * 400 + "deep" + "</div>" * 400 + "<p>after</p>"
    (tmp_path / "a.html").write_text(page)
    assert (await text_of(reader, tmp_path / "a.html")).split() == ["deep", "after"]
    mail = papers.eml(tmp_path / "b.eml", "Offer", html=page)
    assert (await text_of(reader, mail)).split()[-2:] == ["deep", "after"]


async def test_office_files_are_read(reader: Reader, tmp_path: Path) -> None:
    file = papers.docx(
        tmp_path / "a.docx", [("Hotels", "Up to 150."), ("Trains", "Second.")], "Policy"
    )
    sections, metadata = await read(reader, file)
    assert metadata["title"] == "Policy"
    assert [section.headings for section in sections] == [
        ("Policy",), ("Policy", "Hotels"), ("Policy", "Trains"),
    ]  # fmt: skip
    assert "Up to 150." in sections[1].text
    assert "a | b\nc | d" in sections[2].text
    file = papers.pptx(tmp_path / "a.pptx", [("Plan", "Do it"), ("Then", "Done")])
    sections, metadata = await read(reader, file)
    assert metadata["pages"] == 2
    assert [(s.page, s.headings) for s in sections] == [(1, ("Plan",)), (2, ("Then",))]
    assert sections[0].text == "Plan\nDo it\nNotes on Plan.\n\n"
    file = papers.xlsx(tmp_path / "a.xlsx", {"Staff": [["name", "age"], ["Ann", 3]], "Empty": []})
    sections, metadata = await read(reader, file)
    assert metadata["sheets"] == ["Staff", "Empty"]
    assert sections == [Section("name | age\nname: Ann | age: 3.0\n", 1, ("Staff",))]


async def test_tables_and_records_name_their_values(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('name;says\nAnn;"a;b\nc"\n\nBo;\n')
    assert (
        await text_of(reader, tmp_path / "a.csv")
        == "name | says\nname: Ann | says: a;b c\nname: Bo\n"
    )
    (tmp_path / "a.json").write_text('{"a": [1, 2, {"b": "x"}], "c": {"d": null}}')
    sections, _ = await read(reader, tmp_path / "a.json")
    assert sections == [
        Section("a: 1\na: 2\na.b: x\n", None, ("a",)),
        Section("c.d: null\n", None, ("c",)),
    ]
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": [1, 2]}')
    assert await text_of(reader, tmp_path / "a.jsonl") == "a: 1\n\na: 1, 2\n\n"


async def test_an_email_message_is_read(reader: Reader, tmp_path: Path) -> None:
    sections, metadata = await read(reader, papers.eml(tmp_path / "a.eml", "Offer", "Dear Bo,\nhi"))
    assert metadata["attachments"] == ["offer.pdf"]
    assert metadata["title"] == "Offer"
    assert "".join(s.text for s in sections).endswith("To: bo@example.org\n\nDear Bo,\nhi\n")
    html = papers.eml(tmp_path / "b.eml", "Offer", html="<h1>Big</h1><p>deal</p>")
    sections, _ = await read(reader, html)
    assert sections[1].headings == ("Offer", "Big")
    assert "deal" in sections[1].text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Größe 漢字 🙂"), ("utf-8-sig", "Größe"), ("utf-16", "Größe 漢字"),
        ("utf-32", "Größe"), ("cp1252", "Größe über alles, naïve café, schön"),
        ("cp1251", "Привет, как дела? Это текст на русском языке."),
        ("shift_jis", "これは日本語のテキストです。漢字とかな。"),
    ],
)  # fmt: skip
async def test_texts_are_read_in_their_encodings(
    reader: Reader, tmp_path: Path, encoding: str, text: str
) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert await text_of(reader, tmp_path / "a.txt") == text


async def test_broken_bytes_in_a_text_are_replaced(reader: Reader, tmp_path: Path) -> None:
    # Beyond the sample that the encoding is detected from.
    (tmp_path / "a.txt").write_bytes(b"word " * 60_000 + b"\xff\xfe end\r\nof\rlines \x00\x07")
    text = await text_of(reader, tmp_path / "a.txt")
    assert text.endswith("\ufffd\ufffd end\nof\nlines ")


async def test_sections_of_long_texts_end_with_lines(reader: Reader, tmp_path: Path) -> None:
    text = "".join(f"line {i} " + "x" * (i % 90) + "\r\n" for i in range(20_000))
    (tmp_path / "a.txt").write_bytes(text.encode())
    sections, _ = await read(reader, tmp_path / "a.txt")
    assert "".join(s.text for s in sections) == text.replace("\r\n", "\n")
    assert max(len(s.text) for s in sections) < 200_000
    assert all(s.text.endswith("\n") for s in sections)


async def test_content_counts_more_than_a_name(reader: Reader, tmp_path: Path) -> None:
    papers.pdf(tmp_path / "a.txt", ["Really a PDF."])
    sections, metadata = await read(reader, tmp_path / "a.txt")
    assert metadata["format"] == "pdf"
    assert sections[0].page == 1
    (tmp_path / "noname").write_text("plain")
    assert (await read(reader, tmp_path / "noname"))[1]["format"] == "text"
    (tmp_path / "typed").write_text("<p>x</p>")
    assert (await read(reader, tmp_path / "typed", media_type="text/html; charset=utf-8"))[1]["format"] == "html"  # fmt: skip


async def test_empty_files_have_no_text(reader: Reader, tmp_path: Path) -> None:
    for suffix in ("txt", "md", "html", "csv", "jsonl"):
        file = tmp_path / f"a.{suffix}"
        file.write_bytes(b"")
        assert (await read(reader, file))[0] == []
    for suffix in ("json", "pdf", "docx"):
        file = tmp_path / f"a.{suffix}"
        file.write_bytes(b"")
        assert await refused(reader, file) == "broken-document"


async def test_misnamed_and_broken_files_are_refused(reader: Reader, tmp_path: Path) -> None:
    whole = papers.pdf(tmp_path / "whole.pdf", ["Some text. " * 200] * 3).read_bytes()
    office = papers.docx(tmp_path / "whole.docx", [("A", "b" * 2_000)]).read_bytes()
    cases: dict[str, tuple[bytes, set[str]]] = {
        "named.pdf": (b"just text", {"broken-document"}),
        "named.docx": (b"just text", {"broken-document"}),
        "cut.docx": (office[: len(office) // 2], {"broken-document"}),
        "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 40, {"broken-document"}),
        "noise.txt": (bytes(range(256)) * 40, {"unknown-format"}),
        "deep.json": (b"[" * 200_000, {"broken-document"}),
        "deep.html": (b"<div>" * 3_000 + b"deep", {"broken-document"}),
        "cut.json": (b'{"a": ', {"broken-document"}),
        "line.jsonl": (b'{"a": 1}\n{"a": \n', {"broken-document"}),
        "old.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, {"encrypted-document"}),
        "line.csv": (b"a,b\n" + b"x" * 3_000_000, {"broken-document"}),
    }
    for name, (raw, codes) in cases.items():
        (tmp_path / name).write_bytes(raw)
        assert await refused(reader, tmp_path / name) in codes, name
    assert (
        await refused(reader, papers.encrypted_pdf(tmp_path / "e.pdf", "pw"))
        == "encrypted-document"
    )
    (tmp_path / "cut.pdf").write_bytes(whole[: len(whole) // 2])
    try:  # The library may repair it or not.
        await read(reader, tmp_path / "cut.pdf")
    except DocumentRefused as problem:
        assert problem.code == "broken-document"


async def test_a_pdf_that_opens_without_a_password_is_read(reader: Reader, tmp_path: Path) -> None:
    file = papers.encrypted_pdf(tmp_path / "a.pdf", "")
    assert await text_of(reader, file) == "Secret.\n\n"


async def test_archive_bombs_are_refused(reader: Reader, tmp_path: Path) -> None:
    zeros = bytes(80 << 20)
    bombs = {
        papers.archive(tmp_path / "a.docx", {"word/document.xml": zeros}): "document-too-large",
        papers.archive(tmp_path / "b.docx", dict.fromkeys(map(str, range(6_000)), b"")): "document-too-large",
        papers.archive(tmp_path / "c.xlsx", {f"xl/{i}.xml": os.urandom(4) + bytes(1 << 20) for i in range(300)}): "document-too-large",
        papers.lying_archive(tmp_path / "d.docx", "word/document.xml", b"x" * 3_000_000): "broken-document",
        papers.archive(tmp_path / "e.zip", {"a.zip": b"PK"}): "unknown-format",
        papers.pdf_of_stream(tmp_path / "a.pdf", bytes(200 << 20)): "broken-document",
        papers.docx_entities(tmp_path / "f.docx"): "broken-document",
    }  # fmt: skip
    for file, code in bombs.items():
        assert await refused(reader, file) in (code, "document-too-large"), file.name


async def test_documents_that_take_too_much_time_or_memory_are_refused(tmp_path: Path) -> None:
    limits = ReadingLimits(seconds=1.0, memory=400 << 20)
    reader = Reader(1, limits)
    try:
        slow = papers.pdf_of_stream(tmp_path / "a.pdf", b"BT /F 9 Tf (x) Tj ET q Q " * 200_000)
        assert await refused(reader, slow) == "document-too-slow"
        large = tmp_path / "a.json"
        large.write_text("[" + "[1]," * 8_000_000 + "1]")
        assert await refused(reader, large) in ("document-too-large", "document-too-slow")
        # The next document is read as usual.
        (tmp_path / "a.txt").write_text("fine")
        assert await text_of(reader, tmp_path / "a.txt") == "fine"
    finally:
        await reader.aclose()


async def test_files_beyond_the_limits_are_refused(tmp_path: Path) -> None:
    reader = Reader(
        1, ReadingLimits(max_bytes=1_000, max_whole_bytes=100, max_characters=500, max_pages=1)
    )
    try:
        for name, size in (("a.txt", 1_001), ("b.txt", 501), ("c.json", 101)):
            (tmp_path / name).write_text('"' + "x" * (size - 2) + '"')
            assert await refused(reader, tmp_path / name) == "document-too-large"
        # A gigabyte, refused before any of it is read.
        with (tmp_path / "huge.txt").open("wb") as file:
            file.truncate(1 << 30)
        assert await refused(reader, tmp_path / "huge.txt") == "document-too-large"
    finally:
        await reader.aclose()


async def test_the_reading_process_can_do_nothing_else(reader: Reader, tmp_path: Path) -> None:
    """It has no files, no network and no environment."""
    (tmp_path / "a.txt").write_text("x")
    await text_of(reader, tmp_path / "a.txt")
    [process] = reader._plain._free
    status = Path(f"/proc/{process._process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    environment = Path(f"/proc/{process._process.pid}/environ").read_bytes()
    assert environment.rstrip(b"\0") == b"LC_ALL=C.UTF-8"


async def test_a_process_that_has_ended_is_replaced(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word\n" * 400_000)
    for _ in range(2):
        assert len(await text_of(reader, tmp_path / "a.txt")) == 2_000_000
        [process] = reader._plain._free
        os.killpg(process._process.pid, signal.SIGKILL)
        await process._process.wait()
    with (tmp_path / "a.txt").open("rb") as file:
        async with reader.reading(file, "a.txt") as reading:
            with pytest.raises(ReadersUnavailable):
                async for _ in reading:
                    for pid in _children():
                        with suppress(ProcessLookupError):
                            os.killpg(pid, signal.SIGKILL)
    assert len(await text_of(reader, tmp_path / "a.txt")) == 2_000_000


def _children() -> list[int]:
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in own.read_text().split()]


def test_no_file_of_another_thread_is_closed(tmp_path: Path) -> None:
    """The server runs on uvloop, which closes the descriptor of a pipe twice."""
    (tmp_path / "a.txt").write_text("word\n" * 100)
    is_over = threading.Event()

    async def read_many() -> None:
        reader = Reader()
        for _ in range(300):
            assert len(await text_of(reader, tmp_path / "a.txt")) == 500
        await reader.aclose()

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(_open_and_close, tmp_path / "a.txt", is_over) for _ in range(4)]
        try:
            uvloop.run(read_many())
        finally:
            is_over.set()
    for other in others:
        other.result()


def _open_and_close(path: Path, is_over: threading.Event) -> None:
    while not is_over.is_set():
        for descriptor in [os.open(path, os.O_RDONLY) for _ in range(20)]:
            os.close(descriptor)


async def test_an_abandoned_reading_leaves_nothing_behind(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word\n" * 400_000)
    with (tmp_path / "a.txt").open("rb") as file:
        async with reader.reading(file, "a.txt"):
            pass
        gc.collect()
        async with reader.reading(file, "a.txt") as reading:
            async for _ in reading:
                break
    assert await text_of(reader, tmp_path / "a.txt") == "word\n" * 400_000
    tasks = [text_of(reader, tmp_path / "a.txt") for _ in range(6)]
    assert set(map(len, await asyncio.gather(*tasks))) == {2_000_000}


async def test_many_records_are_read(reader: Reader, tmp_path: Path) -> None:
    lines = [json.dumps({"number": i, "text": "é" * (i % 50)}) for i in range(5_000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert (await text_of(reader, tmp_path / "a.jsonl")).count("number: ") == 5_000
