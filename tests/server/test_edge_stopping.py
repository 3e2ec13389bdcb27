"""SIGTERM ends the server within its time to drain, however many clients watch or wait."""

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fakes import loopback
from fakes.processes import PATIENCE, Process, serving, until
from fakes.raw_http import open_socket
from fakes.runs_api import API, begin, ended, human, pause, run_of

MESSAGE = {"type": "object", "properties": {"message": {"type": "string"}}}


@contextmanager
def stuck() -> Iterator[tuple[dict[str, str], dict[str, Any], loopback.Server]]:
    """Yield an environment, a node that waits for an answer that does not come, and its service."""
    freed = threading.Event()

    def wait(request: loopback.Request) -> loopback.Reply:
        freed.wait(PATIENCE)
        return loopback.Reply()

    with loopback.serving(wait) as service:
        config = {"url": service.url, "method": "GET"}
        node = {"id": "call", "type": "http", "config": config, "timeout": PATIENCE}
        try:
            yield {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}"}, node, service
        finally:
            freed.set()


def stop(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)


def log_of(data: Path) -> str:
    return (data.parent / f"{data.name}.log").read_text()


def test_watchers_and_callers_do_not_keep_the_server(
    tmp_path: Path, database: dict[str, str]
) -> None:
    data = tmp_path / "d"
    with stuck() as (allowed, node, service), ThreadPoolExecutor() as pool:
        env = {**allowed, **database}
        with serving(data, env) as (api, process):
            run = begin(api, [human("ask")])["id"]
            body = {"definition": {"nodes": [node]}}
            called = pool.submit(api.post, f"{API}/workflows/execute", json=body)
            until(lambda: service.requests)
            polled = pool.submit(
                api.get, f"{API}/runs/{run}/logs", params={"after": 100, "wait": 60}
            )
            stream = api.stream("GET", f"{API}/runs/{run}/events")
            url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run}/ws"
            with stream as events, connect(url) as socket:
                lines = events.iter_lines()
                assert next(lines).startswith("event: run.created")
                socket.recv()
                stop(process)
                assert [line for line in lines if line.startswith("retry:")] == ["retry: 5000"]
                with pytest.raises(ConnectionClosed) as closed:
                    while True:
                        socket.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
            for answer in (called.result(), polled.result()):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert answer.json()["error"]["code"] == "server-stops"
            left = called.result().json()["error"]["details"][0]["run_id"]
        assert "Traceback" not in log_of(data)
        with serving(data, env) as (api, _):
            assert run_of(api, left)["status"] in {"pending", "running"}
            assert run_of(api, run)["status"] == "waiting"


def test_a_run_that_ends_while_the_server_drains_is_answered(tmp_path: Path) -> None:
    answered = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        answered.wait(PATIENCE)
        return loopback.reply_json({"n": 1})

    with loopback.serving(answer) as service, ThreadPoolExecutor() as pool:
        allow = f"127.0.0.1:{service.port}"
        env = {"FLOWC_EGRESS_ALLOW": allow, "FLOWC_DRAIN_SECONDS": str(int(PATIENCE))}
        with serving(tmp_path / "d", env) as (api, process):
            node = {"id": "call", "type": "http", "config": {"url": service.url}}
            body = {"definition": {"nodes": [node]}}
            called = pool.submit(api.post, f"{API}/workflows/execute", json=body)
            until(lambda: service.requests)
            process.send_signal(signal.SIGTERM)
            until(lambda: "Shutting down" in log_of(tmp_path / "d"))
            answered.set()
            assert called.result().json()["status"] == "completed"
            process.wait(PATIENCE)


def test_chats_end_with_an_error_that_names_the_run(tmp_path: Path) -> None:
    with stuck() as (env, node, service), serving(tmp_path / "d", env) as (api, process):
        definition = {"nodes": [node], "input": MESSAGE}
        made = api.post(f"{API}/workflows", json={"id": "slow", "definition": definition})
        assert made.status_code == 201
        with ThreadPoolExecutor() as pool:
            chat = pool.submit(api.post, f"{API}/workflows/slow/chat", json={"message": "Hi"})
            asked = {"model": "slow", "messages": [{"role": "user", "content": "Hi"}]}
            answers = [
                pool.submit(api.post, "/v1/chat/completions", json={**asked, "stream": streams})
                for streams in (True, False)
            ]
            until(lambda: len(service.requests) == 3)
            stop(process)
        last = chat.result().text.rstrip().rpartition("data: ")[2]
        assert json.loads(last)["code"] == "server-stops"
        assert json.loads(last)["run_id"]
        assert '"code": "server-stops"' in answers[0].result().text
        refused = answers[1].result()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server-stops")


def test_clients_that_do_not_read_or_only_begin_to_send_do_not_keep_the_server(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "d") as (api, process):
        run = large_run(api)
        asked = f"GET {API}/runs/{run}/events HTTP/1.1\r\nhost: localhost\r\n\r\n"
        half = "POST /api/v1/workflows HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n"
        sockets = []
        for text in (asked, half, f"{half}content-type: application/json\r\n\r\n{{"):
            connection = open_socket(api)
            connection.sendall(text.encode())
            sockets.append(connection)
        assert sockets[0].recv(100)
        stop(process)
        for connection in sockets:
            connection.close()
    assert "Traceback" not in log_of(tmp_path / "d")


def large_run(api: httpx.Client) -> str:
    """Return a run with several megabytes of events."""
    nodes = [
        {"id": name, "type": "template", "config": {"template": "{{input.text}}"}}
        for name in "abcdefghijkl"
    ]
    made = begin(api, nodes, input={"text": "x" * 400_000})
    assert made["status"] == "completed", made
    return str(made["id"])


def test_a_client_that_leaves_early_leaves_no_traceback(tmp_path: Path) -> None:
    with serving(tmp_path / "d") as (api, _):
        run = begin(api, [human("ask")])["id"]
        large = large_run(api)
        base = str(api.base_url).replace("http", "ws", 1)
        for id in (run, large):
            with api.stream("GET", f"{API}/runs/{id}/events") as events:
                next(events.iter_bytes())
            with connect(f"{base}{API}/runs/{id}/ws") as socket:
                socket.recv()
                socket.close()
            connection = open_socket(api)
            asked = f"GET {API}/runs/{id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n"
            connection.sendall(asked.encode())
            connection.recv(10)
            connection.close()
        run = begin(api, [pause("a")])["id"]
        assert ended(api, run)["status"] == "completed"
    assert "Traceback" not in log_of(tmp_path / "d")
