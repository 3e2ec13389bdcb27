"""Runs survive a clock that jumps, and a disk that is full or fails."""

import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from fakes.places import TESTS
from fakes.processes import Process, serving, until
from fakes.runs_api import (
    API,
    asked,
    begin,
    ended,
    events_of,
    human,
    pause,
    require_orderly,
    run_of,
)

FAILING_DISK = TESTS / "fakes" / "failing_disk.c"
FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """Return a file with the error of the server's clock."""
    if FAKETIME is None:
        pytest.skip("faketime is not installed")
    file = tmp_path / "clock"
    file.write_text("+0s")
    return file


def faked(clock: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_waits_end_when_the_clock_is_set_forward(tmp_path: Path, clock: Path) -> None:
    with serving(tmp_path / "d", faked(clock)) as (api, _):
        hour = begin(api, [pause("hour", seconds=3600), pause("after", "hour")])
        late = begin(api, [human("ask", timeout=3000, default={"choice": "reject"})])
        assert (hour["status"], late["status"]) == ("waiting", "waiting")
        clock.write_text("+2h")
        assert ended(api, hour["id"])["status"] == "completed"
        assert ended(api, late["id"])["output"]["timed_out"] is True
        for run in (hour, late):
            require_orderly(events_of(api, run["id"]))
        assert begin(api, [pause("a"), pause("b", "a")])["status"] == "completed"


def test_runs_continue_when_the_clock_is_set_back(tmp_path: Path, clock: Path) -> None:
    with serving(tmp_path / "d", faked(clock)) as (api, _):
        run = begin(api, [pause(f"n{i}", *([f"n{i - 1}"] if i else []), seconds=0.3) for i in range(6)],
                    wait=False)  # fmt: skip
        asking = begin(api, [human("ask")])
        until(lambda: "n1" in run_of(api, run["id"])["nodes"])
        clock.write_text("-1h")
        assert ended(api, run["id"])["status"] == "completed"
        require_orderly(events_of(api, run["id"]))
        (task,) = asked(api, asking["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        assert ended(api, asking["id"])["status"] == "completed"
        queued = begin(api, [pause("a")], wait=False)
        assert ended(api, queued["id"])["status"] == "completed"


class Disk:
    """The disk with a server's data, which a test can make unusable."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder, self.env = folder, env

    def spoil(self, process: Process) -> None:
        raise NotImplementedError

    def mend(self, process: Process) -> None:
        raise NotImplementedError


class Small(Disk):
    """A disk that is a file system of a few megabytes."""

    def spoil(self, process: Process) -> None:
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def mend(self, process: Process) -> None:
        (self.folder / "ballast").unlink()


class Limited(Disk):
    """A disk that counts as full when the process may not make its files larger."""

    def spoil(self, process: Process) -> None:
        largest = max(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        self._limit(process, largest)

    def mend(self, process: Process) -> None:
        self._limit(process, resource.RLIM_INFINITY)

    def _limit(self, process: Process, size: int) -> None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class Failing(Disk):
    """A disk that does not write what SQLite wants, or only half of it."""

    def __init__(self, folder: Path, how: str) -> None:
        self._how, self._control = how, folder / "how"
        faults = {"FAILING_DISK": str(self._control), "FAILING_FILES": "/flowc.db"}
        super().__init__(folder, {"LD_PRELOAD": str(folder / "failing_disk.so"), **faults})

    def spoil(self, process: Process) -> None:
        self._control.write_text(self._how)

    def mend(self, process: Process) -> None:
        self._control.unlink()


def _failing(folder: Path, how: str) -> Failing:
    library = ["cc", "-shared", "-fPIC", "-o", str(folder / "failing_disk.so")]
    if shutil.which("cc") is None or _failed([*library, str(FAILING_DISK)]):
        pytest.skip("the library that makes writes fail cannot be compiled here")
    return Failing(folder, how)


def _failed(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


@pytest.fixture(params=["limited", "small", "eio", "short"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param != "small":
        is_limited = request.param == "limited"
        yield Limited(folder) if is_limited else _failing(folder, request.param)
        return
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or _failed(command):
        pytest.skip("file systems cannot be mounted here")
    yield Small(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


_BIG = {"id": "big", "type": "template", "config": {"template": "x" * 3000}}
_CHAIN = [
    pause("slow", seconds=0.6),
    {**_BIG, "depends_on": ["slow"]},
    *({**_BIG, "id": f"b{i}", "depends_on": ["big"]} for i in range(40)),
]


def test_a_disk_that_is_full_or_fails_delays_runs_and_loses_nothing(disk: Disk) -> None:
    data = disk.folder / "d"
    with serving(data, disk.env) as (api, process):
        waiting = begin(api, [human("ask"), pause("after", "ask")])
        run = begin(api, _CHAIN, wait=False)
        until(lambda: "slow" in run_of(api, run["id"])["nodes"])
        disk.spoil(process)
        body = {"definition": {"nodes": [{**_BIG, "config": {"template": "y" * 500_000}}]}}
        refused = api.post(f"{API}/workflows/execute", json=body)
        assert refused.status_code == 503, refused.text
        assert refused.json()["error"]["code"] == "store-unavailable"
        time.sleep(2)
        assert run_of(api, run["id"])["status"] == "running"
        assert api.get("/health").json().get("store") != "ok"
        disk.mend(process)
        done = ended(api, run["id"])
        assert done["status"] == "completed"
        require_orderly(events_of(api, run["id"]))
        (task,) = asked(api, waiting["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        assert ended(api, waiting["id"])["status"] == "completed"
        assert api.get("/health").json()["store"] == "ok"
    _require_sound(data)


@pytest.mark.parametrize("how", ["eio", "short"])
def test_a_process_may_die_while_its_disk_fails(tmp_path: Path, how: str) -> None:
    disk, data = _failing(tmp_path, how), tmp_path / "d"
    with serving(data, disk.env) as (api, process):
        waiting = begin(api, [human("ask"), pause("after", "ask")])
        run = begin(api, _CHAIN, wait=False)
        until(lambda: "slow" in run_of(api, run["id"])["nodes"])
        disk.spoil(process)
        until(lambda: api.get("/health").json().get("store") != "ok")
        process.kill()
    disk.mend(process)
    with serving(data, disk.env) as (api, _):
        assert ended(api, run["id"])["status"] == "completed"
        require_orderly(events_of(api, run["id"]))
        (task,) = asked(api, waiting["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        assert ended(api, waiting["id"])["status"] == "completed"
    _require_sound(data)


def _require_sound(data: Path) -> None:
    with closing(sqlite3.connect(data / "flowc.db")) as connection:
        found: Any = connection.execute("pragma integrity_check").fetchall()
    assert found == [("ok",)]
