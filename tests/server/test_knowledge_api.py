"""Documents over HTTP and on the command line: upload, ingestion, search and deletion."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import document_files as papers
from fakes.processes import PATIENCE, new_database, serving, start, until
from fakes.runs_api import API, ended, events_of, require_orderly, run_of

KNOWLEDGE = f"{API}/knowledge"
SHIPS = {f"ship{i}": f"The ship number {i} carries cargo {i * 7}. " * 20 for i in range(8)}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, Path]]:
    folder = tmp_path_factory.mktemp("knowledge")
    (folder / "docs").mkdir()
    env = {"FLOWC_DOCUMENT_DIRS": str(folder / "docs"), "FLOWC_MAX_FILE_BYTES": "3000000"}
    if request.param == "postgres":
        env |= new_database(request.getfixturevalue("postgres"))
    with serving(folder / "d", env) as (client, _):
        yield client, folder / "docs"


@pytest.fixture
def api(served: tuple[httpx.Client, Path]) -> httpx.Client:
    return served[0]


@pytest.fixture
def docs(served: tuple[httpx.Client, Path]) -> Path:
    for file in served[1].iterdir():
        file.unlink()
    return served[1]


def ingest(api: httpx.Client, name: str, **what: Any) -> dict[str, Any]:
    response = api.post(f"{KNOWLEDGE}/collections/{name}/ingest", json={"wait": True, **what})
    assert response.status_code == 202, response.text
    run = response.json()
    assert run["status"] == "completed", run["error"]
    return dict(run["output"])


def search(api: httpx.Client, name: str, query: str, **how: Any) -> list[dict[str, Any]]:
    response = api.post(f"{KNOWLEDGE}/collections/{name}/search", json={"query": query, **how})
    assert response.status_code == 200, response.text
    return list(response.json()["passages"])


def upload(
    api: httpx.Client, name: str, raw: bytes, media_type: str = "text/plain"
) -> dict[str, Any]:
    response = api.post(f"{KNOWLEDGE}/files", files={"file": (name, raw, media_type)})
    assert response.status_code == 201, response.text
    return dict(response.json())


def test_an_uploaded_file_is_ingested_and_found(api: httpx.Client, tmp_path: Path) -> None:
    raw = papers.pdf(
        tmp_path / "a.pdf", ["The harbour opens at seven.", "Fees are twelve crowns."]
    ).read_bytes()
    file = upload(api, "../../guide.pdf", raw, "application/pdf")
    assert (file["name"], file["size"]) == ("guide.pdf", len(raw))
    assert file["digest"] == hashlib.sha256(raw).hexdigest()
    report = ingest(
        api,
        "guides",
        files=[file["id"]],
        chunking={"by": "pages", "size": 64, "overlap": 0},
        metadata={"lang": "en"},
    )
    assert (report["added"], report["passages"]) == (1, 2)
    [best, *_] = search(api, "guides", "What are the fees?", where={"lang": "en"})
    assert (best["source"], best["page"]) == ("guide.pdf", 2)
    assert (
        ingest(
            api,
            "guides",
            files=[file["id"]],
            chunking={"by": "pages", "size": 64, "overlap": 0},
            metadata={"lang": "en"},
        )["unchanged"]
        == 1
    )
    content = api.get(f"{KNOWLEDGE}/files/{file['id']}/content")
    assert content.content == raw
    assert content.headers["content-disposition"].startswith("attachment")
    listed = api.get(f"{KNOWLEDGE}/files").json()
    assert listed["items"][0]["id"] == file["id"]
    assert api.delete(f"{KNOWLEDGE}/files/{file['id']}").status_code == 204
    assert api.get(f"{KNOWLEDGE}/files/{file['id']}").status_code == 404
    assert api.get(f"{KNOWLEDGE}/files/{file['id']}/content").status_code == 404
    assert search(api, "guides", "fees")


def test_large_files_are_stored_whole_and_larger_ones_are_refused(api: httpx.Client) -> None:
    raw = os.urandom(2_500_000)
    file = upload(api, "large.bin", raw)
    assert api.get(f"{KNOWLEDGE}/files/{file['id']}/content").content == raw
    response = api.post(f"{KNOWLEDGE}/files", files={"file": ("x.bin", os.urandom(8_000_000))})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request-too-large")
    response = api.post(f"{KNOWLEDGE}/files", files={"file": ("", b"x")})
    assert response.status_code == 422
    assert api.post(f"{KNOWLEDGE}/files", json={}).status_code == 422


def test_changed_files_of_a_folder_are_ingested_again(api: httpx.Client, docs: Path) -> None:
    for name, text in SHIPS.items():
        (docs / f"{name}.txt").write_text(text)
    assert ingest(api, "ships", paths=str(docs))["added"] == 8
    (docs / "ship0.txt").unlink()
    (docs / "ship1.txt").write_text("Changed: a lighthouse.")
    report = ingest(api, "ships", paths=[str(docs)])
    assert (report["changed"], report["unchanged"], report["removed"]) == (1, 6, 1)
    page = api.get(f"{KNOWLEDGE}/collections/ships/documents", params={"limit": 5}).json()
    assert len(page["items"]) == 5
    rest = api.get(
        f"{KNOWLEDGE}/collections/ships/documents", params={"after": page["next"]}
    ).json()
    assert (len(rest["items"]), rest["next"]) == (2, None)
    source = str(docs / "ship1.txt")
    [passage] = api.get(f"{KNOWLEDGE}/collections/ships/passages", params={"source": source}).json()
    assert passage["text"] == "Changed: a lighthouse."
    gone = api.delete(f"{KNOWLEDGE}/collections/ships/documents", params={"source": source})
    assert gone.status_code == 204
    assert all(hit["source"] != source for hit in search(api, "ships", "lighthouse"))
    known = api.get(f"{KNOWLEDGE}/collections/ships").json()
    assert (known["documents"], known["model"], known["dimension"]) == (6, "offline/wordllama", 256)


def test_the_events_of_an_ingestion_name_its_documents(api: httpx.Client, docs: Path) -> None:
    (docs / "a.txt").write_text("All about {{ship.output}}.")
    papers.pdf(docs / "b.pdf", ["x"]).write_bytes(b"%PDF-1.4")
    texts = [{"source": "{{note}}", "text": "{{not.a.template}} at all"}]
    response = api.post(
        f"{KNOWLEDGE}/collections/reported/ingest", json={"paths": str(docs), "documents": texts}
    )
    assert response.status_code == 202
    run = ended(api, response.json()["id"])
    assert run["status"] == "completed"
    events = events_of(api, run["id"])
    require_orderly(events)
    said = [event["data"] for event in events if event["kind"] == "node.said"]
    assert said[0] == {"kind": "documents", "data": {"total": 3}}
    statuses = {
        Path(each["data"]["source"]).name: each["data"]["status"]
        for each in said[1:]
        if each["kind"] == "document"
    }
    assert statuses == {"a.txt": "added", "b.pdf": "failed", "{{note}}": "added"}
    [hit, *_] = search(api, "reported", "template", mode="keyword")
    assert hit["text"] == "{{not.a.template}} at all"


def test_collections_are_created_and_deleted(api: httpx.Client) -> None:
    response = api.post(f"{KNOWLEDGE}/collections", json={"name": "empty ü"})
    assert response.status_code == 201, response.text
    assert search(api, "empty ü", "anything") == []
    assert "empty ü" in [each["name"] for each in api.get(f"{KNOWLEDGE}/collections").json()]
    assert api.delete(f"{KNOWLEDGE}/collections/empty ü").status_code == 204
    assert api.get(f"{KNOWLEDGE}/collections/empty ü").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "collections/none/search", {"query": "x"}, 404, "no-such-collection"),
        ("GET", "collections/none", None, 404, "no-such-collection"),
        ("DELETE", "collections/none", None, 404, "no-such-collection"),
        ("GET", "collections/none/documents", None, 404, "no-such-collection"),
        ("GET", "files/none", None, 404, "no-such-file"),
        ("DELETE", "files/none", None, 404, "no-such-file"),
        ("POST", "collections", {"name": "a/b"}, 422, "invalid-request"),
        ("POST", "collections", {"name": "m", "model": "openai/none"}, 422, "no-model-key"),
        ("POST", "collections/here/search", {"query": "x", "where": {"a": {"$x": 1}}}, 422, "filter-refused"),
        ("POST", "collections/here/search", {"query": "x", "limit": 0}, 422, "invalid-request"),
        ("POST", "collections/here/search", {}, 422, "invalid-request"),
        ("POST", "collections/here/ingest", {"chunking": {"size": 1}}, 422, "invalid-request"),
        ("POST", "collections/here/ingest", {"wrong": 1}, 422, "invalid-request"),
    ],
)  # fmt: skip
def test_mistakes_in_requests_have_their_codes(
    api: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    api.post(f"{KNOWLEDGE}/collections", json={"name": "here"})
    response = api.request(method, f"{KNOWLEDGE}/{path}", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_an_ingestion_fails_on_sources_that_it_may_not_read(api: httpx.Client) -> None:
    for what in ({"paths": "/etc"}, {"files": ["none"]}, {"urls": ["http://127.0.0.1:1/"]}, {}):
        response = api.post(f"{KNOWLEDGE}/collections/x/ingest", json={"wait": True, **what})
        run = response.json()
        assert run["status"] == "failed"
        assert run["error"]["code"] in {
            "document-not-allowed",
            "no-such-document",
            "invalid-configuration",
        }


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_ingestion_continues(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """After several kills with -9, each document is there once, and whole."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for i in range(150):
        text = "".join(f"Document {i} has line {j} about topic {i * j}.\n" for j in range(60))
        (docs / f"doc{i:03}.txt").write_text(text)
    env = {"FLOWC_DOCUMENT_DIRS": str(docs), "FLOWC_TAKEOVER_SECONDS": "1"}
    if kind == "postgres":
        env |= new_database(request.getfixturevalue("postgres"))
    chunking = {"size": 64, "overlap": 0}
    run_id, kills = "", 0
    for wanted in (30, 70, 110):
        with serving(tmp_path / "d", env) as (api, process):
            if not run_id:
                path = f"{KNOWLEDGE}/collections/many/ingest"
                body = {"paths": str(docs), "chunking": chunking}
                run_id = api.post(path, json=body).json()["id"]
            until(partial(_has, api, run_id, wanted))
            if run_of(api, run_id)["status"] not in {"completed", "failed"}:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
    assert kills >= 2
    with serving(tmp_path / "d", env) as (api, _):
        run = ended(api, run_id)
        assert run["status"] == "completed", run["error"]
        report = run["output"]
        assert report["added"] + report["unchanged"] == 150, report
        assert report["unchanged"] >= 100
        assert api.get(f"{KNOWLEDGE}/collections/many").json()["documents"] == 150
        for i in range(0, 150, 7):
            _require_whole(api, "many", docs / f"doc{i:03}.txt")
        again = ingest(api, "many", paths=str(docs), chunking=chunking)
        assert (again["unchanged"], again["embedded"]) == (150, 0)
        hits = search(api, "many", "Document 77 has line 5", limit=100, mode="keyword")
        assert len({(hit["source"], hit["start"]) for hit in hits}) == len(hits)


def _has(api: httpx.Client, run_id: str, wanted: int) -> bool:
    """Return whether this many documents are there already."""
    run = run_of(api, run_id)
    assert run["status"] != "failed", run["error"]
    response = api.get(f"{KNOWLEDGE}/collections/many")
    return response.status_code == 200 and response.json()["documents"] >= wanted


def _require_whole(api: httpx.Client, collection: str, file: Path) -> None:
    """Check that the passages of a file are its whole text, in order."""
    what = {"source": str(file), "limit": 1000}
    passages = api.get(f"{KNOWLEDGE}/collections/{collection}/passages", params=what).json()
    assert passages and [p["number"] for p in passages] == list(range(len(passages)))
    assert " ".join(p["text"] for p in passages).split() == file.read_text().split()


def flowc(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flowc.server", *arguments],
        env={**os.environ, **env}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_the_command_ingests_and_reports(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, text in SHIPS.items():
        (docs / f"{name}.txt").write_text(text)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4")
    env = {"FLOWC_DATA_DIR": str(tmp_path / "d")}
    done = flowc("ingest", str(docs), "--collection", "ships", env=env)
    assert done.returncode == 0, done.stderr
    assert "8 added, 0 changed, 0 unchanged, 0 removed, 1 failed" in done.stdout
    assert "broken.pdf: The PDF is broken" in done.stderr
    assert "9/9" in done.stderr
    again = json.loads(
        flowc("ingest", f"{docs}/../docs", "--collection", "ships", "--json", env=env).stdout
    )
    assert (again["output"]["unchanged"], again["output"]["embedded"]) == (8, 0)
    one = flowc(
        "ingest",
        str(docs / "ship1.txt"),
        "--collection",
        "one",
        "--size",
        "64",
        "--overlap",
        "0",
        env=env,
    )
    assert "1 added" in one.stdout
    # A workflow that runs on the command line finds the documents.
    workflow = tmp_path / "ask.yaml"
    workflow.write_text(
        "nodes: [{id: find, type: retrieve, config: {collection: ships, query: '{{input.q}}', limit: 1}}]"
    )
    ran = flowc("run", str(workflow), "--input", '{"q": "ship number 3"}', "--json", env=env)
    assert "ship number 3" in json.loads(ran.stdout)["output"]["context"]
    wrong = flowc("ingest", str(docs), "--collection", "ships", "--overlap", "400", env=env)
    assert wrong.returncode == 2
    assert "overlap must be at most half" in wrong.stderr and "Traceback" not in wrong.stderr
    assert flowc("ingest", str(docs / "none"), "--collection", "x", env=env).returncode == 2


def test_a_killed_command_continues_when_it_is_run_again(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for i in range(120):
        (docs / f"{i}.txt").write_text(f"Document {i} says {i * 3}. " * 200)
    process = start(tmp_path / "d", ["ingest", str(docs), "--collection", "many", "--size", "64"])

    until(lambda: _documents(tmp_path / "d" / "knowledge" / "default" / "catalog.db") > 20)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = flowc(
        "ingest",
        str(docs),
        "--collection",
        "many",
        "--size",
        "64",
        "--json",
        env={"FLOWC_DATA_DIR": str(tmp_path / "d")},
    )
    report = json.loads(done.stdout)
    assert report["status"] == "completed"
    assert report["output"]["documents"] == 120
    assert report["output"]["failed"] == 0
    assert "Traceback" not in done.stderr


def _documents(catalog: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT count(*) FROM knowledge_documents").fetchone()[0])
    except sqlite3.Error:
        return 0
