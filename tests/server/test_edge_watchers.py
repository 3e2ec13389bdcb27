"""Watchers that do not read take little memory, and their parameters are held to their bounds."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fakes.processes import Process, memory_of, serving
from fakes.raw_http import open_socket
from fakes.runs_api import API, begin, events_of, pause

TEXTS, SIZE, WATCHERS = 60, 90_000, 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Process]]:
    with serving(tmp_path_factory.mktemp("edge") / "d") as found:
        yield found


def large_run(api: httpx.Client) -> str:
    nodes = [
        {"id": f"t{number}", "type": "template", "config": {"template": "{{input.text}}"}}
        for number in range(TEXTS)
    ]
    run = begin(api, nodes, input={"text": "x" * SIZE})
    assert run["status"] == "completed"
    return str(run["id"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("kind", ["events", "ws"])
def test_watchers_that_do_not_read_take_little_memory(
    server: tuple[httpx.Client, Process], kind: str
) -> None:
    api, process = server
    run = large_run(api)
    upgrade = (
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    asked = f"GET {API}/runs/{run}/{kind} HTTP/1.1\r\nhost: localhost\r\n"
    before = memory_of(process)
    with ExitStack() as stack:
        for _ in range(WATCHERS):
            connection = stack.enter_context(open_socket(api))
            connection.sendall(f"{asked}{upgrade if kind == 'ws' else ''}\r\n".encode())
            received = b""
            while b"run.created" not in received:
                received += connection.recv(1_000)
        # All events of all watchers are ten times as much.
        assert TEXTS * SIZE * WATCHERS > 300_000_000
        taken = memory_of(process) - before
        print(f"{WATCHERS} watchers that do not read ({kind}): {taken:.0f} MB")
        assert taken < 120


def test_every_watcher_gets_every_event_of_a_large_run(
    server: tuple[httpx.Client, Process],
) -> None:
    api, _ = server
    run = large_run(api)
    numbers = [event["number"] for event in events_of(api, run)]
    with api.stream("GET", f"{API}/runs/{run}/events") as stream:
        ids = [int(line[4:]) for line in stream.iter_lines() if line.startswith("id: ")]
    assert ids == numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("after", ["-1", "nothing", str(2**63), str(2**200), "1.5"])
def test_a_wrong_number_is_refused_on_a_websocket_as_over_http(
    server: tuple[httpx.Client, Process], after: str
) -> None:
    api, _ = server
    run = begin(api, [pause("a")])["id"]
    assert api.get(f"{API}/runs/{run}/events", params={"after": after}).status_code == 422
    url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run}/ws?after={after}"
    with connect(url) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, "after" in closed.value.rcvd.reason) == (4422, True)


def test_a_long_id_is_refused_on_a_websocket(server: tuple[httpx.Client, Process]) -> None:
    url = str(server[0].base_url).replace("http", "ws", 1) + f"{API}/runs/{'x' * 65}/ws"
    with connect(url) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4422
