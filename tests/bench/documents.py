"""Compares the cost of ingesting documents with that of a bare loop over the same libraries.

200 texts of 20 KB and a PDF of 100 pages become chunks of 512 tokens, vectors of 1,536 numbers from
a server on loopback, and rows in Chroma. Each measurement has a process of its own, so that peak
memory is comparable: `python -m bench.documents ours FOLDER STORE URL`.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measuring import Row, peak_memory
from bench.models import server
from fakes import document_files as papers
from fakes.document_collections import each

TEXTS, TEXT_BYTES, PAGES = 200, 20_000, 100
LARGE = 100_000_000
SIZE, BATCH = 512, 128
WORDS = ("harbour", "ship", "captain", "storm", "letter", "island", "merchant", "winter", "copper",
         "lantern", "quiet", "northern", "carries", "remembers", "between", "seldom")  # fmt: skip


def prose(seed: int, size: int) -> str:
    """Return text in paragraphs, different for each seed."""
    words, lines, length = [], [], 0
    number = seed * 7919 + 1
    while length < size:
        number = (number * 1103515245 + 12345) % (1 << 31)
        words.append(WORDS[number % len(WORDS)])
        if number % 11 == 0:
            words[-1] += "."
        if len(words) == 60:
            lines.append(" ".join(words))
            length += len(lines[-1]) + 2
            words = [str(number)]
    return "\n\n".join(lines)[:size]


def write_documents(folder: Path) -> None:
    folder.mkdir()
    for number in range(TEXTS):
        (folder / f"text{number:03}.txt").write_text(prose(number, TEXT_BYTES))
    papers.pdf(folder / "book.pdf", [prose(1_000 + page, 2_500) for page in range(PAGES)])


async def ours(folder: Path, store: Path, url: str, *, is_indexed: bool) -> dict[str, Any]:
    from pydantic import SecretStr

    from flowc.nodes.services.models import ModelAlias, Models
    from flowc.nodes.services.models.vectors import ModelEmbedder
    from flowc.rag.chunking import Chunking
    from flowc.rag.embedding import Embeddings
    from flowc.rag.folders import Folders
    from flowc.rag.ingestion import Ingestion, from_text
    from flowc.rag.reading import Reader
    from flowc.rag.stores.local import LocalStore
    from flowc.rag.tokens import Tokens

    alias = ModelAlias(
        model="openai/text-embedding-3-small", api_base=url, api_key=SecretStr("sk-x")
    )
    models = Models({"m": alias})
    documents, reader = await LocalStore.open(store), Reader()
    if not is_indexed:
        documents._vectors.add = lambda id, passages: None  # type: ignore[method-assign]
    Tokens()
    # Imports at first use are not measured, here as in the rival.
    await ModelEmbedder(models, "m").embed(["warm"])
    with from_text("one", "warm").open() as one, from_text("two", "warm").open() as two:
        await asyncio.gather(reader.read(one, "one.txt"), reader.read(two, "two.txt"))

    async def once() -> tuple[float, Any]:
        embeddings = Embeddings(ModelEmbedder(models, "m"), documents)
        ingestion = Ingestion(
            documents, reader, embeddings, Chunking(by="tokens", size=SIZE, overlap=0)
        )
        items = each(Folders([folder]).items(str(folder)))
        started = time.perf_counter()
        report = await ingestion.run("docs", items, origin="folder", removes=True)
        return time.perf_counter() - started, report

    seconds, report = await once()
    again = [(await once())[0] for _ in range(3)]
    assert report.failed == 0
    await reader.aclose()
    await documents.aclose()
    return {"seconds": seconds, "chunks": report.passages, "again": statistics.median(again)}


def rival(folder: Path, store: Path, url: str) -> dict[str, Any]:
    """Ingest with a loop as one writes it in an afternoon."""
    import chromadb
    import httpx
    import pypdf
    import tiktoken

    from flowc.rag.tokens import Tokens

    # Its tables come from a package; otherwise it would load them from the network.
    Tokens()
    encoding = tiktoken.get_encoding("cl100k_base")
    collection = chromadb.PersistentClient(str(store)).create_collection(
        "docs", embedding_function=None
    )
    client = httpx.Client(timeout=60)
    client.post(f"{url}/embeddings", json={"model": "m", "input": ["warm"]})
    started, waiting, chunks = time.perf_counter(), list[tuple[str, str, str]](), 0

    def flush() -> None:
        nonlocal chunks
        ids, texts, sources = (list(each) for each in zip(*waiting, strict=True))
        body = {"model": "m", "input": texts}
        answer = client.post(f"{url}/embeddings", json=body).json()
        collection.upsert(
            ids=ids,
            documents=texts,
            embeddings=[row["embedding"] for row in answer["data"]],
            metadatas=[{"source": source} for source in sources],
        )
        chunks += len(waiting)
        waiting.clear()

    for file in sorted(folder.iterdir()):
        if file.suffix == ".pdf":
            pages = pypdf.PdfReader(file).pages
            text = "\n\n".join(page.extract_text() for page in pages)
        else:
            text = file.read_text()
        tokens = encoding.encode(text, disallowed_special=())
        for number in range(0, len(tokens), SIZE):
            passage = encoding.decode(tokens[number : number + SIZE])
            waiting.append((f"{file.name}:{number}", passage, file.name))
            if len(waiting) == BATCH:
                flush()
    if waiting:
        flush()
    return {"seconds": time.perf_counter() - started, "chunks": chunks, "again": 0.0}


def _in_process(kind: str, folder: Path, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "bench.documents",
            kind,
            str(folder),
            place + "/store",
            url,
        ]
        here = Path(__file__).parent.parent
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(rounds: int = 5) -> list[Row]:
    """Return the comparisons; the processes take turns."""
    with tempfile.TemporaryDirectory() as place, server() as url:
        folder = Path(place) / "docs"
        write_documents(folder)
        got: dict[str, list[dict[str, Any]]] = {"ours": [], "rival": []}
        for _ in range(rounds):
            for kind, runs in got.items():
                runs.append(_in_process(kind, folder, url))
        mine, theirs = (_medians(got[kind]) for kind in ("ours", "rival"))
        large = Path(place) / "large"
        large.mkdir()
        (large / "small.txt").write_text(prose(1, LARGE // 10))
        # Chroma's index holds all vectors in memory in any program; without it, the rest is ours.
        small = _in_process("unindexed", large, url)
        (large / "large.txt").write_text(prose(2, LARGE))
        whole = _in_process("unindexed", large, url)
    return [
        Row("ingest, ms a chunk", mine["each"], theirs["each"], "wall ms a chunk", 1 / 0.9),
        Row("ingest, peak memory beside the loop's + 150 MB", mine["peak"], theirs["peak"] + 150, "MB", 1.0),
        Row("ingest again, unchanged, beside 1/50", mine["again"], mine["seconds"] / 50, "wall s", 1.0),
        Row("ingest 100 MB without Chroma's index, peak beside 10 MB's + 100 MB", whole["peak"], small["peak"] + 100, "MB", 1.0),
    ]  # fmt: skip


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    each = [{**run, "each": run["seconds"] / run["chunks"] * 1e3} for run in runs]
    return {name: statistics.median(run[name] for run in each) for name in each[0]}


def main() -> None:
    if len(sys.argv) > 1:
        kind, folder, store, url = sys.argv[1:]
        arguments = (Path(folder), Path(store), url)
        if kind == "rival":
            found = rival(*arguments)
        else:
            found = asyncio.run(ours(*arguments, is_indexed=kind == "ours"))
        found["peak"] = peak_memory()
        print(json.dumps(found))
        return
    for row in rows():
        print(json.dumps(row.as_json()))


if __name__ == "__main__":
    main()
