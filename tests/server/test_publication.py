"""The events of runs are published to a real Redis, once each and in order."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError

from fakes.processes import PATIENCE, free_port, serving, until
from fakes.runs_api import begin, events_of, human, pause

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server is installed"
)


@contextmanager
def redis_server(port: int, folder: Path) -> Iterator[Redis]:
    command = ["redis-server", "--port", str(port), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Redis(port=port)
    try:
        until(partial(_answers, client))
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=PATIENCE)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def published(redis: Redis, run_id: str) -> list[Any]:
    found: Any = redis.xrange(f"flowc:run:{run_id}")
    return [json.loads(fields[b"event"]) for _, fields in found]


def test_all_events_of_a_run_are_published(tmp_path: Path, folder: Path) -> None:
    port = free_port()
    env = {"FLOWC_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with redis_server(port, folder) as redis, serving(tmp_path / "d", env) as (api, _):
        run = begin(api, [pause("a"), pause("b", "a")])
        told = events_of(api, run["id"])
        until(lambda: len(published(redis, run["id"])) == len(told))
        assert published(redis, run["id"]) == [{"run_id": run["id"], **event} for event in told]
        everything: Any = redis.xrange("flowc:events")
        assert [json.loads(f[b"event"])["number"] for _, f in everything] == [
            event["number"] for event in told
        ]


def test_events_left_by_a_killed_process_are_published_once(tmp_path: Path, folder: Path) -> None:
    port = free_port()
    env = {"FLOWC_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with serving(tmp_path / "d", env) as (api, process):
        # No Redis is there: runs continue, and nothing is lost.
        first = begin(api, [pause("a")])
        waiting = begin(api, [human("ask")])
        assert (first["status"], waiting["status"]) == ("completed", "waiting")
        process.send_signal(signal.SIGKILL)
    with redis_server(port, folder) as redis, serving(tmp_path / "d", env) as (api, _):
        for run in (first, waiting):
            told = events_of(api, run["id"])
            until(lambda run=run, told=told: len(published(redis, run["id"])) == len(told))
            assert [event["number"] for event in published(redis, run["id"])] == list(
                range(1, len(told) + 1)
            )
