"""WebSockets need a key, a token or a ticket, and close when that is over."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from fakes.processes import PATIENCE, new_database, serving
from fakes.runs_api import API, human, pause
from fakes.served import Served
from fakes.served import serving as serving_here
from flowc.server.api import admission
from flowc.server.records import times
from flowc.server.store import grants

AUTH = {"FLOWC_AUTH": "on"}


class Sockets:
    """A server process with access control, and clients of it that have keys."""

    def __init__(self, api: httpx.Client, folder: Path) -> None:
        self.api, self.admin = api, (folder / "admin-key").read_text().strip()
        self.url = str(api.base_url).rstrip("/")

    def ask(self, method: str, path: str, key: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"}
        return self.api.request(method, f"{API}{path}", headers=headers, **more)

    def begin(self, node: dict[str, Any]) -> str:
        body = {"definition": {"nodes": [node]}}
        answer = self.ask("POST", "/workflows/execute", self.admin, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def key(self, **about: Any) -> str:
        made = self.ask("POST", "/keys", self.admin, json={"name": "t", **about})
        assert made.status_code == 201, made.text
        return str(made.json()["key"])

    def ticket(self, key: str, run: str) -> str:
        answer = self.ask("POST", f"/runs/{run}/ws-ticket", key)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ticket"])

    def open(self, run: str, ticket: str | None = None, **headers: str) -> ClientConnection:
        query = f"?ticket={ticket}" if ticket is not None else ""
        url = self.url.replace("http", "ws", 1) + f"{API}/runs/{run}/ws{query}"
        return connect(url, additional_headers=headers, open_timeout=PATIENCE)

    def refused(self, run: str, ticket: str | None = None, **headers: str) -> tuple[int, str]:
        """Return the status and code with which a WebSocket is refused."""
        with pytest.raises(InvalidStatus) as problem, self.open(run, ticket, **headers):
            pass
        answer = problem.value.response
        return answer.status_code, json.loads(answer.body or b"{}")["error"]["code"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture(scope="module")
def server(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sockets]:
    folder = tmp_path_factory.mktemp("sockets") / "d"
    with serving(folder, {**environment, **AUTH}) as (api, _):
        yield Sockets(api, folder)


@pytest.fixture(scope="module")
def run(server: Sockets) -> str:
    return server.begin(pause("a"))


def first_number(socket: ClientConnection) -> int:
    return int(json.loads(socket.recv(PATIENCE))["number"])


def test_a_socket_without_a_right_credential_is_refused(server: Sockets, run: str) -> None:
    wrong = f"flowc_{'0' * 12}_{'x' * 43}"
    narrow = server.key(workflow_id="other")
    writer = server.key(scopes=["workflows:write"])
    assert server.refused(run) == (401, "unauthenticated")
    for value in ("", "Bearer", "Bearer null", f"Bearer {wrong}", f"Basic {server.admin}"):
        assert server.refused(run, authorization=value) == (401, "unauthenticated"), value
    for key in (narrow, writer):
        assert server.refused(run, authorization=f"Bearer {key}") == (403, "forbidden")
    # A session does not open a WebSocket: pages of other sites could do that with it.
    begun = server.api.post(f"{API}/session", json={"credential": server.admin})
    server.api.cookies.clear()
    cookie = f"flowc_session={begun.cookies['flowc_session']}"
    assert server.refused(run, cookie=cookie) == (401, "unauthenticated")


def test_a_key_opens_a_socket(server: Sockets, run: str) -> None:
    viewer = server.key(role="viewer")
    with server.open(run, authorization=f"Bearer {viewer}") as socket:
        assert first_number(socket) == 1


def test_a_ticket_opens_one_socket(server: Sockets, run: str) -> None:
    ticket = server.ticket(server.key(role="viewer"), run)
    with server.open(run, ticket) as socket:
        assert first_number(socket) == 1
        assert server.refused(run, ticket) == (401, "unauthenticated")
    assert server.refused(run, ticket) == (401, "unauthenticated")


def test_a_ticket_is_for_its_run_alone(server: Sockets, run: str) -> None:
    other = server.begin(pause("a"))
    ticket = server.ticket(server.admin, run)
    assert server.refused(other, ticket) == (401, "unauthenticated")
    # It is used up by then.
    assert server.refused(run, ticket) == (401, "unauthenticated")


@pytest.mark.parametrize("ticket", ["", "null", "undefined", "[]", "x" * 43, "%00", "x" * 5_000])
def test_what_is_no_ticket_is_refused(server: Sockets, run: str, ticket: str) -> None:
    assert server.refused(run, ticket) == (401, "unauthenticated")


def test_a_key_or_a_session_is_no_ticket(server: Sockets, run: str) -> None:
    begun = server.api.post(f"{API}/session", json={"credential": server.admin})
    server.api.cookies.clear()
    for secret in (server.admin, begun.cookies["flowc_session"], begun.json()["csrf_token"]):
        assert server.refused(run, secret) == (401, "unauthenticated")


def test_a_ticket_of_a_revoked_key_is_refused(server: Sockets, run: str) -> None:
    key = server.key(role="viewer")
    ticket = server.ticket(key, run)
    server.ask("DELETE", f"/keys/{key.split('_')[1]}", server.admin)
    assert server.refused(run, ticket) == (401, "unauthenticated")


def test_a_ticket_of_a_session_ends_with_it(server: Sockets, run: str) -> None:
    with httpx.Client(base_url=server.url, timeout=PATIENCE, trust_env=False) as browser:
        begun = browser.post(f"{API}/session", json={"credential": server.admin}).json()
        browser.headers["x-csrf-token"] = begun["csrf_token"]
        tickets = [browser.post(f"{API}/runs/{run}/ws-ticket").json()["ticket"] for _ in range(2)]
        with server.open(run, tickets[0], origin=server.url) as socket:
            assert first_number(socket) == 1
        assert browser.delete(f"{API}/session").status_code == 204
    assert server.refused(run, tickets[1]) == (401, "unauthenticated")


def test_a_ticket_needs_a_run_of_the_tenant(server: Sockets, run: str) -> None:
    key = server.key(role="admin", tenant="acme")
    for each in (run, "none"):
        assert server.ask("POST", f"/runs/{each}/ws-ticket", key).status_code == 404


def test_a_page_of_another_site_cannot_use_a_ticket(server: Sockets, run: str) -> None:
    ticket = server.ticket(server.admin, run)
    assert server.refused(run, ticket, origin="http://evil.example") == (403, "origin-refused")


def test_a_ticket_works_in_another_process_and_there_once_too(
    postgres: str, tmp_path: Path
) -> None:
    env = {**new_database(postgres), **AUTH}
    with serving(tmp_path / "a", env) as (one, _), serving(tmp_path / "b", env) as (two, _):
        first = Sockets(one, tmp_path / "a")
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / "admin-key").write_text(first.admin)
        second = Sockets(two, tmp_path / "b")
        run = first.begin(human("ask"))
        ticket = first.ticket(first.admin, run)
        with second.open(run, ticket) as socket:
            assert first_number(socket) == 1
            for each in (first, second):
                assert each.refused(run, ticket) == (401, "unauthenticated")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving_here(tmp_path / "d") as found:
        yield found


@pytest.mark.parametrize(("seconds", "first"), [(29, "websocket.accept"), (31, None)])
async def test_a_ticket_works_for_30_seconds(
    served: Served, monkeypatch: pytest.MonkeyPatch, seconds: int, first: str | None
) -> None:
    run = await waiting_run(served)
    ticket = await new_ticket(served, served.admin, run)
    await served.ask("POST", f"{API}/runs/{run}/cancel", served.admin)
    monkeypatch.setattr(grants, "now", lambda: times.now() + timedelta(seconds=seconds))
    messages = await watched(served, run, f"ticket={ticket}")
    assert messages[0]["type"] == (first or "websocket.http.response.start")
    with closing(sqlite3.connect(served.folder / "flowc.db")) as file:
        assert file.execute("select count(*) from grants").fetchone() == (0,)


@pytest.mark.parametrize("way", ["key", "ticket", "session"])
async def test_a_socket_closes_when_its_caller_is_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(admission, "LOOK_AGAIN_SECONDS", 0.05)
    run, key = await waiting_run(served), await served.new_key(role="viewer")
    query, headers, csrf = "", [], dict[str, str]()
    if way == "key":
        headers = [(b"authorization", f"Bearer {key}".encode())]
    elif way == "ticket":
        query = f"ticket={await new_ticket(served, key, run)}"
    else:
        begun = await served.client.post(f"{API}/session", json={"credential": key})
        csrf = {"x-csrf-token": begun.json()["csrf_token"]}
        answer = await served.client.post(f"{API}/runs/{run}/ws-ticket", headers=csrf)
        query = f"ticket={answer.json()['ticket']}"

    async def ends() -> None:
        if way == "session":
            await served.client.delete(f"{API}/session", headers=csrf)
        else:
            await served.ask("DELETE", f"{API}/keys/{key.split('_')[1]}", served.admin)

    messages = await watched(served, run, query, headers, after_first=ends)
    assert messages[0]["type"] == "websocket.accept"
    assert messages[-1]["type"] == "websocket.close"
    assert (messages[-1]["code"], messages[-1]["reason"]) == (
        1008,
        "The key, token or session is over.",
    )


async def test_a_socket_stays_open_while_its_caller_may_watch(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    again = served.app.state.grants.again

    async def counted(caller: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 5:
            await served.ask("POST", f"{API}/runs/{run}/cancel", served.admin)
        return await again(caller)

    monkeypatch.setattr(admission, "LOOK_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(served.app.state.grants, "again", counted)
    run = await waiting_run(served)
    headers = [(b"authorization", f"Bearer {served.admin}".encode())]
    messages = await watched(served, run, "", headers)
    assert looks >= 5
    assert messages[-1]["code"] == 1000
    assert json.loads(messages[-2]["text"])["kind"] == "run.cancelled"


async def test_a_stream_of_events_ends_when_its_caller_is_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOOK_AGAIN_SECONDS", 0.05)
    run, key = await waiting_run(served), await served.new_key(role="viewer")
    watching = asyncio.create_task(served.ask("GET", f"{API}/runs/{run}/events", key))
    await asyncio.sleep(0.2)
    assert not watching.done()
    await served.ask("DELETE", f"{API}/keys/{key.split('_')[1]}", served.admin)
    assert "run.created" in (await watching).text
    assert (await served.ask("GET", f"{API}/runs/{run}/events", key)).status_code == 401


async def waiting_run(served: Served) -> str:
    body = {"definition": {"nodes": [human("ask")]}}
    answer = await served.ask("POST", f"{API}/workflows/execute", served.admin, json=body)
    return str(answer.json()["id"])


async def new_ticket(served: Served, key: str, run: str) -> str:
    answer = await served.ask("POST", f"{API}/runs/{run}/ws-ticket", key)
    return str(answer.json()["ticket"])


async def watched(
    served: Served, run: str, query: str, headers: Any = (), after_first: Any = None
) -> list[dict[str, Any]]:
    """Open a WebSocket; return all that the server sends until it closes it."""
    sent: list[dict[str, Any]] = []
    opening: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    opening.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        sent.append(dict(message))
        if after_first is not None and len(sent) == 2:
            await after_first()

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "ws",
        "path": f"{API}/runs/{run}/ws",
        "raw_path": f"{API}/runs/{run}/ws".encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    await served.app(scope, opening.get, send)
    return sent


def test_a_closed_socket_says_why(server: Sockets) -> None:
    with (
        server.open("none", authorization=f"Bearer {server.admin}") as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404
