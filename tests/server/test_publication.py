"""The events of runs are published to a real Redis, once each and in order."""

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from fakes.processes import free_port, serving, until
from fakes.redis_servers import needs_redis, redis_server
from fakes.runs_api import begin, events_of, human, pause

pytestmark = needs_redis


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def published(redis: Redis, run_id: str) -> list[Any]:
    found: Any = redis.xrange(f"flowc:default:run:{run_id}")
    return [json.loads(fields[b"event"]) for _, fields in found]


def test_all_events_of_a_run_are_published(tmp_path: Path, folder: Path) -> None:
    port = free_port()
    env = {"FLOWC_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with redis_server(port, folder) as redis, serving(tmp_path / "d", env) as (api, _):
        run = begin(api, [pause("a"), pause("b", "a")])
        told = events_of(api, run["id"])
        until(lambda: len(published(redis, run["id"])) == len(told))
        assert published(redis, run["id"]) == [
            {"run_id": run["id"], "workflow_id": None, **event} for event in told
        ]
        everything: Any = redis.xrange("flowc:default:events")
        assert [json.loads(f[b"event"])["number"] for _, f in everything] == [
            event["number"] for event in told
        ]
        api.put("/api/v1/workflows/one", json={"nodes": [pause("a")]})
        id = api.post("/api/v1/workflows/one/run").json()["id"]
        of_workflow = "flowc:default:workflow:one"
        until(lambda: b"run.completed" in str(redis.xrange(of_workflow)).encode())
        found: Any = redis.xrange(of_workflow)
        events = [json.loads(fields[b"event"]) for _, fields in found]
        assert {(event["run_id"], event["workflow_id"]) for event in events} == {(id, "one")}
        assert events == published(redis, id)


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
