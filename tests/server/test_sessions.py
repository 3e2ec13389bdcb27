"""Sessions of browsers: a cookie in place of a key, for the server's own pages alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from fakes.served import Served, serving
from flowc.server.access.callers import Caller, Unauthenticated
from flowc.server.access.grants import csrf_token_of
from flowc.server.access.scopes import CallerRole, scopes_of
from flowc.server.app import API
from flowc.server.process.gate import KeyWish
from flowc.server.records.times import now

SESSION = f"{API}/session"
SECRET = "a secret that is shared by those who sign"
OWN = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
WORKFLOW = {
    "id": "hello",
    "definition": {"nodes": [{"id": "a", "type": "wait", "config": {"for": 0.01}}]},
}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as found:
        yield found


class Browser:
    """A browser with a session, or with any other cookie."""

    def __init__(self, served: Served, cookie: str | None = None, csrf: str | None = None) -> None:
        self.served, self.cookie, self.csrf = served, cookie, csrf
        self.name = "flowc_session"

    async def log_in(self, credential: Any, **headers: str) -> httpx.Response:
        body = {"credential": credential}
        answer = await self.served.client.post(SESSION, json=body, headers={**OWN, **headers})
        self.served.client.cookies.clear()
        if answer.status_code == 200:
            self.cookie, self.csrf = answer.cookies[self.name], answer.json()["csrf_token"]
        return answer

    async def ask(self, method: str, path: str, headers: Any = OWN, **more: Any) -> httpx.Response:
        sent = dict(headers)
        if self.cookie is not None:
            sent["cookie"] = f"{self.name}={self.cookie}"
        if self.csrf is not None:
            sent.setdefault("x-csrf-token", self.csrf)
        return await self.served.client.request(method, path, headers=sent, **more)


async def test_a_session_stands_for_the_key_it_was_begun_with(served: Served) -> None:
    browser = Browser(served)
    key = await served.new_key(role="editor")
    begun = await browser.log_in(key)
    assert begun.status_code == 200
    kept = begun.headers["set-cookie"].lower()
    for attribute in ("httponly", "samesite=strict", "path=/", "max-age=43"):
        assert attribute in kept
    assert "secure" not in kept and "domain" not in kept
    me = (await browser.ask("GET", SESSION)).json()
    assert me == begun.json()
    assert me["caller"] == f"key {key.split('_')[1]} (test)"
    assert me["scopes"] == sorted(scopes_of(CallerRole.EDITOR))
    made = await browser.ask("POST", f"{API}/workflows", json=WORKFLOW)
    assert made.status_code == 201
    assert (await browser.ask("GET", f"{API}/keys")).status_code == 403
    audit = (await served.ask("GET", f"{API}/audit", served.admin)).json()["items"]
    assert [(each["act"], each["caller"]) for each in audit[:2]] == [
        ("create_workflow", me["caller"]),
        ("create_session", me["caller"]),
    ]


async def test_with_tls_the_cookie_is_for_this_host_and_tls_alone(served: Served) -> None:
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1") as client:
        begun = await client.post(SESSION, json={"credential": served.admin})
        kept = begun.headers["set-cookie"]
        assert kept.startswith("__Host-flowc_session=")
        assert "Secure" in kept and "Path=/" in kept and "Domain" not in kept
        assert (await client.get(SESSION)).status_code == 200
        # A cookie of the plain name may come from another host of the same site.
        secret = client.cookies["__Host-flowc_session"]
        client.cookies.clear()
        planted = await client.get(SESSION, headers={"cookie": f"flowc_session={secret}"})
        assert planted.status_code == 401


async def test_the_key_can_be_in_the_header_too(served: Served) -> None:
    begun = await served.ask("POST", SESSION, served.admin)
    assert begun.status_code == 200
    assert "set-cookie" in begun.headers


async def test_a_session_of_a_token_ends_with_the_token(served: Served) -> None:
    at = now().timestamp()
    claims = {"sub": "ada", "role": "operator", "iat": at, "exp": at + 600}
    begun = await Browser(served).log_in(jwt.encode(claims, SECRET, "HS256"))
    assert begun.json()["caller"] == "user ada"
    assert 600 <= int(begun.headers["set-cookie"].lower().split("max-age=")[1].split(";")[0]) <= 630


async def test_a_session_ends_at_once(served: Served) -> None:
    browser, other = Browser(served), Browser(served)
    await browser.log_in(served.admin)
    await other.log_in(served.admin)
    ended = await browser.ask("DELETE", SESSION)
    assert ended.status_code == 204
    assert 'flowc_session=""' in ended.headers["set-cookie"]
    again = await browser.ask("GET", SESSION)
    assert (again.status_code, again.json()["error"]["message"]) == (401, "The session is over.")
    assert (await other.ask("GET", SESSION)).status_code == 200


async def test_a_new_session_replaces_that_of_the_browser(served: Served) -> None:
    browser = Browser(served)
    await browser.log_in(served.admin)
    former = Browser(served, browser.cookie)
    await browser.log_in(served.admin, cookie=f"flowc_session={browser.cookie}")
    assert browser.cookie != former.cookie
    assert (await former.ask("GET", SESSION)).status_code == 401


async def test_a_session_ends_when_its_key_is_revoked(served: Served) -> None:
    key = await served.new_key(role="editor")
    browser = Browser(served)
    await browser.log_in(key)
    await served.ask("DELETE", f"{API}/keys/{key.split('_')[1]}", served.admin)
    for method, path in (("GET", SESSION), ("GET", f"{API}/runs"), ("DELETE", SESSION)):
        answer = await browser.ask(method, path)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            401,
            "The API key was revoked.",
        )


async def test_a_session_ends_with_its_time(served: Served, monkeypatch: Any) -> None:
    grants = served.app.state.grants
    monkeypatch.setattr(grants, "_lifetime", timedelta(seconds=-1))
    begun = await grants.begin(Caller("default", "user x", scopes_of(CallerRole.ADMIN)))
    with pytest.raises(Unauthenticated, match="The session is over"):
        await grants.caller(begun.secret)


async def test_an_expired_key_begins_no_session_and_ends_those_there_are(served: Served) -> None:
    wish = KeyWish("t", scopes_of(CallerRole.ADMIN), CallerRole.ADMIN, None, timedelta(seconds=-1))
    made = await served.app.state.process.gate.make("default", "t", wish)
    assert (await Browser(served).log_in(made.text)).status_code == 401
    grants = served.app.state.grants
    holder = Caller("default", "k", scopes_of(CallerRole.ADMIN), key_id=made.key.id)
    begun = await grants.begin(holder)
    with pytest.raises(Unauthenticated, match="has expired"):
        await grants.caller(begun.secret)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"credential": None}, 422),
        ({"credential": ""}, 422),
        ({"credential": []}, 422),
        ({"credential": ["flowc_"]}, 422),
        ({"credential": {"$ne": None}}, 422),
        ({"credential": True}, 422),
        ({"credential": 0}, 422),
        ({"credential": "x" * 9_000}, 422),
        ({"credential": "null"}, 401),
        ({"credential": "undefined"}, 401),
        ({"credential": " "}, 401),
        ({"credential": "Bearer x"}, 401),
        ({"credential": "flowc_000000000000_" + "x" * 43}, 401),
        ({"credential": "a.b.c"}, 401),
        ({"credential": "flowc_\x00"}, 400),
        ({"credentials": "x"}, 422),
        ([], 422),
        (None, 401),
    ],
)
async def test_what_is_no_key_begins_no_session(served: Served, body: Any, status: int) -> None:
    sent = {} if body is None else {"json": body}
    answer = await served.client.post(SESSION, **sent)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "null",
        "undefined",
        "[]",
        "x" * 43,
        "x" * 5_000,
        '""',
        "admin",
        "é".encode().decode("latin-1"),
    ],
)
async def test_a_cookie_that_is_no_session_is_refused(served: Served, cookie: str) -> None:
    headers = {b"cookie": f"flowc_session={cookie}".encode("latin-1")}
    for method, path in (("GET", SESSION), ("POST", f"{API}/workflows"), ("DELETE", SESSION)):
        answer = await served.client.request(method, path, headers=headers)
        assert answer.status_code == 401


async def test_a_ticket_is_no_session_and_a_session_no_ticket(served: Served) -> None:
    browser = Browser(served)
    await browser.log_in(served.admin)
    grants = served.app.state.grants
    ticket = await grants.new_ticket(Caller("default", "t"), "r")
    assert (await Browser(served, ticket.secret).ask("GET", SESSION)).status_code == 401
    with pytest.raises(Unauthenticated):
        await grants.use_ticket(browser.cookie, "r")
    assert (await browser.ask("GET", SESSION)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-csrf-token": ""},
        {"x-csrf-token": "null"},
        {"x-csrf-token": "0" * 64},
        {"x-csrf-token": "é"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": ""},
    ],
)
async def test_a_page_that_is_not_of_the_session_changes_nothing(
    served: Served, headers: dict[str, str]
) -> None:
    browser = Browser(served)
    await browser.log_in(served.admin)
    sent = {name: value.encode() for name, value in {**OWN, **headers}.items()}
    for method, path in (
        ("POST", f"{API}/workflows"),
        ("PUT", f"{API}/workflows/hello"),
        ("DELETE", SESSION),
        ("POST", "/v1/chat/completions"),
        ("POST", "/mcp"),
    ):
        answer = await browser.ask(method, path, sent, json=WORKFLOW)
        assert answer.status_code == 403, (path, answer.text)
        code = answer.json()["error"]["code"]
        assert code in {"csrf-refused", "origin-refused"}
    assert (await browser.ask("GET", f"{API}/workflows")).json()["total"] == 0


async def test_the_token_of_another_session_or_none_is_refused(served: Served) -> None:
    browser, other = Browser(served), Browser(served)
    await browser.log_in(served.admin)
    await other.log_in(served.admin)
    for csrf in (other.csrf, None, browser.cookie, csrf_token_of(browser.csrf or "")):
        thief = Browser(served, browser.cookie, csrf)
        answer = await thief.ask("POST", f"{API}/workflows", json=WORKFLOW)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf-refused")


async def test_requests_with_a_key_need_no_token(served: Served) -> None:
    made = await served.ask("POST", f"{API}/workflows", served.admin, json=WORKFLOW)
    assert made.status_code == 201
    # A key is taken before a cookie, and a wrong one is not made good by it.
    browser = Browser(served)
    await browser.log_in(served.admin)
    sent = {"authorization": f"Bearer {served.admin}", "x-csrf-token": ""}
    assert (await browser.ask("DELETE", f"{API}/workflows/hello", sent)).status_code == 204
    sent = {"authorization": "Bearer x", **OWN}
    assert (await browser.ask("GET", SESSION, sent)).status_code == 401


async def test_a_site_of_the_setting_cannot_use_a_session(tmp_path: Path) -> None:
    app = "http://app.example"
    async with serving(tmp_path / "d", cors_origins=[app]) as served:
        browser = Browser(served)
        await browser.log_in(served.admin)
        headers = {"origin": app, "sec-fetch-site": "same-site"}
        answer = await browser.ask("POST", f"{API}/workflows", headers, json=WORKFLOW)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf-refused")
        read = await browser.ask("GET", f"{API}/workflows", headers)
        assert "access-control-allow-credentials" not in read.headers


async def test_a_session_is_stored_as_a_hash_alone(served: Served) -> None:
    browser = Browser(served)
    await browser.log_in(served.admin)
    assert browser.cookie is not None and browser.csrf is not None
    for file in served.folder.rglob("*"):
        if file.is_file():
            stored = file.read_bytes()
            assert browser.cookie.encode() not in stored
            assert browser.csrf.encode() not in stored


async def test_a_caller_has_no_more_sessions_than_the_newest_hundred(served: Served) -> None:
    grants = served.app.state.grants
    caller = Caller("default", "user x", scopes_of(CallerRole.VIEWER))
    made = [await grants.begin(caller) for _ in range(102)]
    for old in made[:2]:
        with pytest.raises(Unauthenticated):
            await grants.caller(old.secret)
    for new in (made[2], made[101]):
        assert (await grants.caller(new.secret)).name == "user x"


async def test_wrong_cookies_count_against_their_address(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", failed_logins_per_minute=2) as served:
        browser = Browser(served)
        await browser.log_in(served.admin)
        wrong = Browser(served, "x" * 43)
        found = [(await wrong.ask("GET", SESSION)).status_code for _ in range(3)]
        assert found == [401, 401, 429]
        assert (await browser.ask("GET", SESSION)).status_code == 200


async def test_an_open_server_needs_no_session(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", auth="off") as served:
        begun = await served.client.post(SESSION, json={"credential": "anything"})
        assert (begun.status_code, begun.json()["caller"]) == (200, "local")
        assert begun.json()["csrf_token"] is None
        assert "set-cookie" not in begun.headers
        assert (await served.client.get(SESSION)).json() == begun.json()
