"""Clients that are slow, many, or send too much do not keep others out."""

import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from fakes.processes import Process, serving
from fakes.raw_http import ask, open_socket, read_all, read_answer
from fakes.runs_api import API, begin, pause

QUICK = {
    "FLOWC_HEADER_SECONDS": "1",
    "FLOWC_BODY_SECONDS": "1",
    "FLOWC_MAX_HEADER_BYTES": "4096",
    "FLOWC_KEEP_ALIVE_SECONDS": "1",
}
POST = b"POST /api/v1/workflows/execute HTTP/1.1\r\nhost: localhost\r\n"
JSON = b"content-type: application/json\r\n"
GET = b"GET /ping HTTP/1.1\r\nhost: localhost\r\n"
LAST = GET + b"connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("edge") / "d", QUICK) as (client, _):
        yield client


@pytest.mark.parametrize(
    "part",
    [GET, b"G", POST + JSON + b"content-length: 10\r\n\r\n{", POST + b"content-length: 10\r\n\r\n"],
)
def test_a_request_that_does_not_continue_is_answered_with_408(
    api: httpx.Client, part: bytes
) -> None:
    answer = ask(api, part)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request-timeout"' in answer
    assert b"x-content-type-options: nosniff" in answer


def test_a_chunked_body_that_does_not_end_is_answered_with_408(api: httpx.Client) -> None:
    part = POST + JSON + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"
    assert ask(api, part).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_without_a_request_is_closed(api: httpx.Client, sent: bytes) -> None:
    assert ask(api, sent) == b""


def test_an_idle_connection_is_closed_after_its_answer(api: httpx.Client) -> None:
    with open_socket(api) as connection:
        connection.sendall(GET + b"\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_the_rest_of_a_second_request_has_its_time_too(api: httpx.Client) -> None:
    with open_socket(api) as connection:
        connection.sendall(GET + b"\r\n")
        read_answer(connection)
        connection.sendall(GET)
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_arrives_fast_enough_may_be_long(api: httpx.Client) -> None:
    # 3,000 bytes give three seconds more than the one that a body has.
    body = b'{"definition": {"nodes": []}, "input": {"text": "%s"}}' % (b"x" * 3_000)
    head = POST + JSON + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with open_socket(api) as connection:
        connection.sendall(head + body[:3_000])
        connection.settimeout(1.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(60)
        connection.sendall(body[3_000:])
        assert read_all(connection).startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize(
    "headers",
    [
        b"x: " + b"y" * 5_000 + b"\r\n\r\n",
        b"".join(b"x-%d: y\r\n" % number for number in range(600)) + b"\r\n",
    ],
)
def test_headers_that_are_too_large_are_refused(api: httpx.Client, headers: bytes) -> None:
    answer = ask(api, GET + headers)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers-too-large"' in answer


def test_what_is_no_request_is_refused_in_the_form_of_errors(api: httpx.Client) -> None:
    answer = ask(api, b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"bad-request"' in answer


def test_requests_on_one_connection_are_answered_in_their_order(api: httpx.Client) -> None:
    other = GET.replace(b"/ping", b"/nowhere")
    with open_socket(api) as connection:
        connection.sendall(GET + b"\r\n" + other + b"\r\n" + GET + b"connection: close\r\n\r\n")
        answers = read_all(connection)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_there_is_room_for_a_new_client_among_idle_ones(tmp_path: Path) -> None:
    env = {"FLOWC_MAX_CONNECTIONS": "8", "FLOWC_MAX_CONNECTIONS_PER_ADDRESS": "8"}
    with serving(tmp_path / "d", env) as (api, _), ExitStack() as stack:
        idle = [stack.enter_context(open_socket(api)) for _ in range(20)]
        for connection in idle[10:]:
            connection.sendall(GET)
        # The client's own connection is as idle as the others.
        assert ask(api, LAST).startswith(b"HTTP/1.1 200 ")
        # The oldest were closed.
        assert idle[0].recv(1) == b""


def test_without_an_idle_connection_a_further_one_is_refused(tmp_path: Path) -> None:
    env = {"FLOWC_MAX_CONNECTIONS": "3"}
    with serving(tmp_path / "d", {**env, "FLOWC_MAX_CONNECTIONS_PER_ADDRESS": "2"}) as (api, _):
        run = begin(api, [{"id": "ask", "type": "human", "config": {}}])["id"]
        watch = f"GET {API}/runs/{run}/events HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        with ExitStack() as stack:
            watchers = [stack.enter_context(open_socket(api)) for _ in range(2)]
            for connection in watchers:
                connection.sendall(watch)
                assert connection.recv(20).startswith(b"HTTP/1.1 200")
            answer = ask(api, b"")
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b'"code":"too-many-connections"' in answer
            assert b"retry-after: 5" in answer


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of Linux")
@pytest.mark.parametrize("descriptors", [64, 300])
def test_with_few_descriptors_there_are_few_connections_and_runs_still_work(
    tmp_path: Path, descriptors: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
        with serving_at(tmp_path / "d", (soft, hard)) as (api, process):
            for _ in range(descriptors + 50):
                stack.enter_context(open_socket(api))
            code = {"id": "sum", "type": "code", "config": {"code": "result = 1 + 1"}}
            with httpx.Client(base_url=api.base_url, trust_env=False, timeout=60) as client:
                assert client.get("/ping").status_code == 200
                run = begin(client, [code, pause("a", "sum")])
            assert run["status"] == "completed", run["error"]
            opened = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
            assert opened < descriptors
    assert "Too many open files" not in (tmp_path / "d.log").read_text()


@contextmanager
def serving_at(data: Path, own: tuple[int, int]) -> Iterator[tuple[httpx.Client, Process]]:
    """Start a server with the limit of now, and give this process its own one back."""
    with serving(data) as found:
        resource.setrlimit(resource.RLIMIT_NOFILE, own)
        yield found


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of Linux")
def test_1_100_idle_connections_leave_room_with_1_024_descriptors(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3_000:
        pytest.skip("this test needs 3,000 descriptors of its own")
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
        api, _ = stack.enter_context(serving(tmp_path / "d"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3_000, hard))
        for number in range(1_100):
            connection = stack.enter_context(open_socket(api))
            if number % 2:
                connection.sendall(GET)
        client = stack.enter_context(httpx.Client(base_url=api.base_url, trust_env=False))
        assert client.get("/ping").status_code == 200
        assert begin(client, [pause("a")])["status"] == "completed"
    assert "Too many open files" not in (tmp_path / "d.log").read_text()
