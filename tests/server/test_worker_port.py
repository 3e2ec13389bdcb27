"""`flowc worker` says on a port of its own what it did, whether it lives, and whether it can work."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from fakes.loopback import Reply, Request, reply_json
from fakes.loopback import serving as loopback
from fakes.processes import PATIENCE, Process, free_port, new_database, serving, start, until
from fakes.runs_api import begin, ended, pause, run_of
from flowc.server.numbers.metrics import Metrics


@contextmanager
def working(data: Path, env: dict[str, str], *options: str) -> Iterator[Process]:
    """Run `flowc worker` until the block ends."""
    process = start(data, ["worker", *options], env)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def read(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=PATIENCE)


def answered(url: str) -> httpx.Response | None:
    try:
        return read(url)
    except httpx.TransportError:
        return None


def is_ready(url: str) -> bool:
    answer = answered(f"{url}/health")
    return answer is not None and answer.status_code == 200


def listening(process: Process) -> list[str]:
    """Return the sockets on which a process listens for TCP."""
    links = list[str]()
    for each in Path(f"/proc/{process.pid}/fd").iterdir():
        # It may be closed meanwhile.
        with suppress(FileNotFoundError):
            links.append(os.readlink(each))
    own = {link.removeprefix("socket:[").removesuffix("]") for link in links}
    rows = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()]
    return [row[1] for row in rows[1:] if row[3] == "0A" and row[9] in own]


def test_a_worker_says_what_it_did_and_that_it_can_work(tmp_path: Path, postgres: str) -> None:
    database, port = new_database(postgres), free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        serving(tmp_path / "s", database, "--no-worker") as (api, _),
        working(tmp_path / "w", database, "--metrics-port", str(port)),
    ):
        until(lambda: is_ready(url))
        assert read(f"{url}/health").json() == {"status": "ok", "store": "ok"}
        assert read(f"{url}/ping").json() == {"status": "ok"}
        run = begin(api, [pause("a"), pause("b", "a")], wait=False)
        assert ended(api, run["id"])["status"] == "completed"

        def count() -> float:
            text = read(f"{url}/metrics").text
            samples = [
                sample
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            ]
            found = [s.value for s in samples if s.name == "flowc_nodes_ended_total"]
            return sum(found)

        until(lambda: count() == 2.0)
        answer = read(f"{url}/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert all(
            f"# HELP {each.name.removesuffix('_total')}" in answer.text
            for each in Metrics().described
        )
        here = api.get("/metrics").text
        assert 'flowc_runs_created_total{tenant="default",workflow="inline"} 1.0' in here
        end = 'flowc_runs_ended_total{status="completed",tenant="default",workflow="inline"}'
        assert f"{end} 1.0" in answer.text
        assert f"{end} 1.0" not in here
        assert read(f"{url}/api/v1/runs").status_code == 404


def test_a_worker_is_not_ready_while_it_stops(tmp_path: Path, postgres: str) -> None:
    database, port, go_on = new_database(postgres), free_port(), threading.Event()
    url = f"http://127.0.0.1:{port}"

    def late(request: Request) -> Reply:
        go_on.wait(PATIENCE)
        return reply_json({})

    with loopback(late) as service, serving(tmp_path / "s", database, "--no-worker") as (api, _):
        env = {
            **database,
            "FLOWC_METRICS_PORT": str(port),
            "FLOWC_DRAIN_SECONDS": "60",
            "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}",
        }
        with working(tmp_path / "w", env) as worker:
            until(lambda: is_ready(url))
            call = {"id": "call", "type": "http", "config": {"url": service.url, "timeout": 100}}
            run = begin(api, [call], wait=False)["id"]
            until(lambda: service.requests)
            worker.terminate()
            until(lambda: read(f"{url}/health").json()["status"] == "stopping")
            assert read(f"{url}/health").status_code == 503
            assert read(f"{url}/ping").status_code == 200
            go_on.set()
            worker.wait(timeout=PATIENCE)
        assert run_of(api, run)["status"] == "completed"
        assert answered(f"{url}/ping") is None


def test_pages_of_other_sites_cannot_read_what_is_for_this_machine(
    tmp_path: Path, postgres: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with working(tmp_path / "w", new_database(postgres), "--metrics-port", str(port)) as process:
        until(lambda: answered(f"{url}/ping"))
        assert len(listening(process)) == 1
        names = {"localhost": 200, "127.0.0.1:1": 200, "evil.example": 400}
        for name, status in names.items():
            answer = httpx.get(f"{url}/ping", headers={"host": name}, trust_env=False)
            assert answer.status_code == status, name


def test_a_port_that_is_taken_is_reported(tmp_path: Path, postgres: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        number = taken.getsockname()[1]
        env = {**new_database(postgres), "FLOWC_METRICS_PORT": str(number)}
        with working(tmp_path / "w", env) as process:
            assert process.wait(timeout=PATIENCE) == 2
    text = (tmp_path / "w.log").read_text()
    assert f"FLOWC_METRICS_PORT: 127.0.0.1:{number} cannot be used" in text


def test_without_a_port_a_worker_listens_to_no_one(tmp_path: Path, postgres: str) -> None:
    with working(tmp_path / "w", new_database(postgres)) as process:
        until(lambda: "ready" in (tmp_path / "w.log").read_text())
        assert not listening(process)
        assert "metrics" not in (tmp_path / "w.log").read_text()
