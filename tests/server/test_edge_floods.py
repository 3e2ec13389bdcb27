"""Floods: many clients, slow ones and large requests take little memory, and keep no one out."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from fakes.processes import PATIENCE, Process, memory_of, serving
from fakes.raw_http import open_socket, read_all, read_answer
from fakes.runs_api import API, begin, human, pause
from flowc.server.api.resources.files import FILES

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc"
)

UPGRADE = (
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
POST = f"POST {API}/workflows/execute HTTP/1.1\r\nhost: localhost\r\n".encode()
JSON = b"content-type: application/json\r\n"
LARGE = 100_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Process]]:
    with serving(tmp_path_factory.mktemp("floods") / "d") as found:
        # What a first run imports counts for no flood.
        begin(found[0], [pause("a")])
        yield found


def socket_request(run: str) -> bytes:
    return f"GET {API}/runs/{run}/ws HTTP/1.1\r\nhost: localhost\r\n{UPGRADE}\r\n".encode()


def status_of(connection: socket.socket) -> str:
    return connection.recv(12).decode().removeprefix("HTTP/1.1 ")


def require_answers(api: httpx.Client) -> None:
    """Check that others are served: read, and run a workflow."""
    assert api.get("/ping").status_code == 200
    assert begin(api, [pause("a")])["status"] == "completed"


def test_1_100_idle_connections_take_little_memory(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    before = memory_of(process)
    with ExitStack() as stack:
        for _ in range(1_100):
            stack.enter_context(open_socket(api))
        require_answers(api)
        taken = memory_of(process) - before
    print(f"1,100 idle connections: {taken:.0f} MB")
    assert taken < 60


def test_a_header_of_8_mb_is_refused(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    before, most = memory_of(process), 0.0
    with ExitStack() as stack:
        senders = [stack.enter_context(open_socket(api)) for _ in range(20)]
        for each in senders:
            each.sendall(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nx-large: ")
        for _ in range(8):
            for each in senders:
                sends(each, b"x" * 1_000_000)
            most = max(most, memory_of(process) - before)
        for each in senders:
            each.settimeout(PATIENCE)
            assert each.recv(12) in {b"HTTP/1.1 431", b""}
    require_answers(api)
    print(f"20 headers of 8 MB: {most:.0f} MB")
    assert most < 60


@pytest.mark.parametrize("how", ["content-length: 100000000", "transfer-encoding: chunked"])
def test_bodies_of_100_mb_are_refused(server: tuple[httpx.Client, Process], how: str) -> None:
    api, process = server
    before, most = memory_of(process), 0.0
    piece = b"x" * 1_000_000
    if "chunked" in how:
        piece = b"f4240\r\n" + piece + b"\r\n"
    with ExitStack() as stack:
        senders = [stack.enter_context(open_socket(api)) for _ in range(10)]
        for each in senders:
            each.sendall(POST + JSON + how.encode() + b"\r\n\r\n")
        for _ in range(LARGE // len(piece)):
            for each in senders:
                sends(each, piece)
            most = max(most, memory_of(process) - before)
        for each in senders:
            each.settimeout(PATIENCE)
            assert each.recv(12) == b"HTTP/1.1 413"
    require_answers(api)
    print(f"10 bodies of 100 MB ({how}): {most:.0f} MB")
    assert most < 120


def sends(connection: socket.socket, piece: bytes) -> None:
    """Send some bytes, if the server takes any more."""
    connection.settimeout(0.2)
    try:
        connection.sendall(piece)
    except OSError:
        # It has answered, and reads nothing more.
        return


def test_a_file_of_100_mb_takes_little_memory(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    before, most = memory_of(process), 0.0
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    size = 99_000_000
    with open_socket(api) as connection:
        connection.sendall(
            f"POST {API}{FILES} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
            f"content-type: multipart/form-data; boundary=b\r\n"
            f"content-length: {len(head) + size + len(tail)}\r\n\r\n".encode()
        )
        connection.sendall(head)
        for _ in range(99):
            connection.sendall(b"x" * 1_000_000)
            most = max(most, memory_of(process) - before)
        connection.sendall(tail)
        assert read_answer(connection).startswith(b"HTTP/1.1 201")
    most = max(most, memory_of(process) - before)
    print(f"a file of 99 MB: {most:.0f} MB")
    assert most < 120


def test_1_000_websockets_take_little_memory(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    run = begin(api, [human("ask")])["id"]
    before = memory_of(process)
    with ExitStack() as stack:
        opened = [stack.enter_context(open_socket(api)) for _ in range(1_000)]
        for each in opened:
            each.sendall(socket_request(run))
        assert Counter(map(status_of, opened)) == {"101": 1_000}
        require_answers(api)
        taken = memory_of(process) - before
        print(f"1,000 WebSockets: {taken:.0f} MB")
        assert taken < 150


def test_websockets_over_the_limit_are_refused_with_a_sentence(tmp_path: Path) -> None:
    env = {"FLOWC_MAX_CONNECTIONS": "400", "FLOWC_MAX_CONNECTIONS_PER_ADDRESS": "300"}
    with serving(tmp_path / "d", env) as (api, process), ExitStack() as stack:
        run = begin(api, [human("ask")])["id"]
        before = memory_of(process)
        statuses: Counter[str] = Counter()
        for _ in range(1_000):
            connection = stack.enter_context(open_socket(api))
            connection.sendall(socket_request(run))
            received = read_head(connection)
            status = received[9:12].decode()
            statuses[status] += 1
            assert status == "101" or b"There are too many connections." in received
        assert statuses["503"] >= 700
        assert statuses["101"] + statuses["503"] == 1_000
        print(f"1,000 WebSockets, 300 allowed: {memory_of(process) - before:.0f} MB")
        assert memory_of(process) - before < 60
        # A client at another address.
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=api.base_url, transport=transport, timeout=PATIENCE) as other:
            require_answers(other)


def read_head(connection: socket.socket) -> bytes:
    """Return the beginning of an answer; if it is no upgrade, all of it."""
    received = connection.recv(12)
    return received if received.endswith(b"101") else received + read_all(connection)


@pytest.mark.parametrize("kind", ["headers", "body"])
def test_500_slow_writers_keep_no_one_out(tmp_path: Path, kind: str) -> None:
    env = {"FLOWC_HEADER_SECONDS": "3", "FLOWC_BODY_SECONDS": "3"}
    begun = POST + (b"" if kind == "headers" else JSON + b"content-length: 3000000\r\n\r\n")
    with serving(tmp_path / "d", env) as (api, process), ExitStack() as stack:
        begin(api, [pause("a")])
        before = memory_of(process)
        writers = [stack.enter_context(open_socket(api)) for _ in range(500)]
        for each in writers:
            each.sendall(begun)
        most = 0.0
        while writers:
            require_answers(api)
            most = max(most, memory_of(process) - before)
            writers = [each for each in writers if drips(each)]
        print(f"500 slow writers ({kind}): {most:.0f} MB")
        assert most < 60


def drips(connection: socket.socket) -> bool:
    """Send one byte more; return whether the server still waits for more."""
    connection.settimeout(0)
    try:
        connection.sendall(b"x")
        answer = connection.recv(12)
    except BlockingIOError:
        return True
    except OSError:
        return False
    assert answer == b"HTTP/1.1 408" or not answer
    return False


def test_a_large_message_on_a_websocket_closes_it(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    run = begin(api, [human("ask")])["id"]
    url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run}/ws"
    before = memory_of(process)
    with connect(url, compression="deflate") as watching:
        # It is small as it is sent.
        with suppress(ConnectionClosed):
            watching.send("x" * 10_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                watching.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert memory_of(process) - before < 20
    require_answers(api)


def test_many_messages_on_a_websocket_are_not_kept(server: tuple[httpx.Client, Process]) -> None:
    api, process = server
    run = begin(api, [human("ask")])["id"]
    url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run}/ws"
    before = memory_of(process)
    with connect(url, compression=None) as watching:
        for _ in range(2_000):
            watching.send("x" * 60_000)
        # 120 MB of them.
        assert memory_of(process) - before < 20
    require_answers(api)
