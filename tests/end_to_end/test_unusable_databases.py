"""A database that is locked, damaged, incomplete or on a full disk is reported, and loses no answer."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from fakes import loopback
from fakes.processes import PATIENCE, serving, start, until
from fakes.runs_api import API, asked, begin, ended, human, pause

TINY = {"definition": {"nodes": [pause("a")]}}
PAGE = 4096


def refused(api: httpx.Client) -> None:
    """Require that a run is refused with a sentence, and that `/health` says why."""
    answer = api.post(f"{API}/workflows/execute", json=TINY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store-unavailable")
    health = api.get("/health").json()
    assert health.get("store") != "ok", health


def approve(api: httpx.Client, run_id: str) -> None:
    (task,) = asked(api, run_id)
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"}).raise_for_status()


def test_a_locked_database_is_reported_and_used_again(tmp_path: Path) -> None:
    with serving(tmp_path / "d") as (api, _):
        waiting = begin(api, [human("ask"), pause("after", "ask")])
        with closing(sqlite3.connect(tmp_path / "d" / "flowc.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            refused(api)
            other.execute("rollback")
        until(lambda: api.post(f"{API}/workflows/execute", json=TINY).status_code == 200)
        assert api.get("/health").json()["store"] == "ok"
        approve(api, waiting["id"])
        assert ended(api, waiting["id"])["status"] == "completed"


def damage(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    with file.open("r+b") as pages:
        pages.seek(PAGE)
        pages.write(b"\x99" * (file.stat().st_size - PAGE))


def test_a_damaged_database_is_reported_and_no_run_hangs(tmp_path: Path) -> None:
    data = tmp_path / "d"
    with serving(data) as (api, _):
        begin(api, [human("ask"), pause("after", "ask")])
        damage(data / "flowc.db")
        until(lambda: api.post(f"{API}/workflows/execute", json=TINY).status_code == 503)
        refused(api)
    process = start(data, ["serve", "--port", "0"])
    assert process.wait(PATIENCE) != 0
    log = (tmp_path / "d.log").read_text()
    assert f"The database in {data} cannot be used: " in log


def test_a_waiting_run_whose_checkpoint_is_missing_does_not_begin_again(tmp_path: Path) -> None:
    data = tmp_path / "d"
    with loopback.serving(lambda request: loopback.reply_json("done")) as service:
        env = {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}
        call = {"id": "call", "type": "http", "config": {"url": service.url, "method": "POST"}}
        with serving(data, env) as (api, _):
            waiting = begin(api, [call, human("ask", "call"), pause("after", "ask")])
        with closing(sqlite3.connect(data / "flowc.db")) as connection, connection:
            assert connection.execute("delete from graph_checkpoints").rowcount > 0
        with serving(data, env) as (api, _):
            approve(api, waiting["id"])
            failed = ended(api, waiting["id"])
            assert (failed["status"], failed["error"]["code"]) == ("failed", "checkpoint-lost")
            about = {"run_id": waiting["id"], "status": "answered"}
            (task,) = api.get(f"{API}/interrupts", params=about).json()
            assert task["answer"] == {"choice": "approve"}
        assert len(service.requests) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_start_on_a_full_disk_is_one_sentence(small_disk: Path, tmp_path: Path) -> None:
    data = tmp_path / "d"
    (small_disk / "d").mkdir()
    # The log is on another disk.
    data.symlink_to(small_disk / "d")
    with serving(data) as (api, _):
        waiting = begin(api, [human("ask"), pause("after", "ask")])
    log = (tmp_path / "d.log").stat().st_size
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * PAGE)
    process = start(data, ["serve", "--port", "0"])
    assert process.wait(PATIENCE) != 0
    said = (tmp_path / "d.log").read_text()[log:]
    assert f"The database in {data} cannot be used: database or disk is full." in said
    assert "Traceback" not in said
    ballast.unlink()
    with serving(data) as (api, _):
        approve(api, waiting["id"])
        assert ended(api, waiting["id"])["status"] == "completed"
