"""`/ping` says that a process lives, `/health` that requests can be sent to it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fakes.served import serving


async def test_a_process_that_stops_lives_and_is_not_ready(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        ready = await served.ask("GET", "/health", None)
        assert (ready.status_code, ready.json()["status"]) == (200, "ok")
        served.app.state.process.segments.stopping.set()
        stopping = await served.ask("GET", "/health", None)
        assert (stopping.status_code, stopping.json()["status"]) == (503, "stopping")
        assert (await served.ask("GET", "/ping", None)).status_code == 200


async def test_a_process_without_its_database_lives_and_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    async with serving(tmp_path / "d") as served:
        database = served.app.state.process.steering.database
        monkeypatch.setattr(database, "read", fail)
        broken = await served.ask("GET", "/health", None)
        assert broken.status_code == 503
        assert broken.json()["error"]["code"] == "store-unavailable"
        assert (await served.ask("GET", "/ping", None)).status_code == 200


async def test_a_write_that_failed_degrades_and_does_not_end_what_can_be_read(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "d") as served:
        database, answer = served.app.state.process.steering.database, None
        # A write of the server's own can succeed in between: then all is well again.
        while answer is None or answer.json()["store"] == "ok":
            database.problem = "database or disk is full"
            answer = await served.ask("GET", "/health", None)
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["store"] == "database or disk is full"
