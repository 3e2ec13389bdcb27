"""Callers: whose keys are valid, and what each may do."""

import asyncio
import stat
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter
from jwt.algorithms import RSAAlgorithm

from fakes.command import flowc_here
from fakes.served import Served, serving
from flowc.server.access.scopes import (
    FOR_EACH_CALLER,
    FOR_ONE_WORKFLOW,
    PUBLIC,
    ROUTES,
    ApiScope,
    CallerRole,
    handler_of,
    scopes_of,
)
from flowc.server.api.admission import AdmittedRoute, require_scopes
from flowc.server.app import API, create_app
from flowc.server.process.gate import KeyWish
from flowc.server.settings import Settings

SECRET = "a secret that is shared by those who sign"
# The handlers that a key of one workflow can use.
MINE = FOR_ONE_WORKFLOW | FOR_EACH_CALLER
# Names no resource, of any kind.
NOTHING = "0" * 12
HELLO = {
    "id": "hello",
    "nodes": [{"id": "say", "type": "template", "config": {"template": "Hello"}}],
}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d") as found:
        yield found


def operations() -> list[tuple[str, str, str]]:
    """Return the method, path and handler of every operation that OpenAPI describes."""
    paths = create_app(Settings(auth="on")).openapi()["paths"]
    return [
        (method.upper(), path, handler_of(operation["operationId"]))
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]


def test_each_operation_has_a_scope_and_each_scope_an_operation() -> None:
    found = {handler for _, _, handler in operations()}
    # WebSockets, the MCP endpoint, and where webhooks are tried by any method are no operations.
    assert found | {"watch_socket", "watch_workflow", "call_mcp", "try_webhook"} == {
        *ROUTES,
        *PUBLIC,
        *FOR_EACH_CALLER,
    }
    assert ROUTES.keys() >= FOR_ONE_WORKFLOW
    # The answers of other people are no operation of their own.
    needed = {*ROUTES.values(), ApiScope.ANSWERS_ANY}
    assert needed == set(ApiScope) == scopes_of(CallerRole.ADMIN)


def test_a_route_without_a_scope_fails_at_the_start() -> None:
    router = APIRouter(route_class=AdmittedRoute)

    @router.get("/open")
    async def forgotten() -> None: ...

    with pytest.raises(LookupError, match="forgotten has no scope"):
        require_scopes(router)


def test_a_websocket_that_admits_all_clients_fails_at_the_start() -> None:
    router = APIRouter()
    router.add_api_websocket_route("/ws", _watch_socket)
    with pytest.raises(LookupError, match="admits all clients"):
        require_scopes(router)


async def _watch_socket() -> None: ...


_watch_socket.__name__ = "watch_socket"


async def test_the_description_of_the_api_names_the_scope_of_each_operation(served: Served) -> None:
    document = (await served.client.get(f"{API}/openapi.json")).json()
    for methods in document["paths"].values():
        for operation in methods.values():
            handler = handler_of(operation["operationId"])
            scopes = [] if handler in FOR_EACH_CALLER else [ROUTES.get(handler)]
            wanted = [] if handler in PUBLIC else [{"bearer": scopes}, {"session": scopes}]
            assert operation["security"] == wanted


async def test_every_operation_answers_each_caller_as_the_table_says(tmp_path: Path) -> None:
    """The matrix: every operation, without a key, with four roles', wrong, ended and narrow keys."""
    async with serving(tmp_path / "d", failed_logins_per_minute=1_000_000) as served:
        wrong, checked = await _matrix(served)
    assert not wrong
    assert checked > 800


async def _matrix(served: Served) -> tuple[list[str], int]:
    keys: dict[str, str | None] = {
        role.value: await served.new_key(role=role) for role in CallerRole
    }
    narrow = await served.new_key(workflow_id="another")
    gone = await served.new_key(role="admin")
    gone_id = gone.split("_")[1]
    assert (await served.ask("DELETE", f"{API}/keys/{gone_id}", served.admin)).status_code == 200
    short = await served.app.state.process.gate.make("default", "t", _expired())
    refused = {
        "no key": None,
        "unknown": served.admin[:-1] + ("a" if served.admin[-1] != "a" else "b"),
        "revoked": gone,
        "expired": short.text,
        "null": "null",
        "empty": "",
        "without its prefix": served.admin.removeprefix("flowc_"),
    }
    wrong: list[str] = []
    checked = 0
    for method, path, handler in operations():
        # A stream of all events has no end.
        ending = "?seconds=0.1" if handler == "watch_all_events" else ""
        address = _filled(path) + ending
        if handler in PUBLIC:
            continue
        for who, key in refused.items():
            status = (await served.ask(method, address, key)).status_code
            checked += 1
            wrong += [] if status == 401 else [f"{method} {path} for {who}: {status}"]
        for who, key in keys.items():
            may = handler in FOR_EACH_CALLER or ROUTES[handler] in scopes_of(CallerRole(who))
            status = (await served.ask(method, address, key)).status_code
            checked += 1
            is_right = status not in {401, 403, 500} if may else status == 403
            wrong += [] if is_right else [f"{method} {path} for {who}: {status}"]
        status = (await served.ask(method, address, narrow)).status_code
        checked += 1
        is_right = status < 500 and (status == 403 or handler in MINE)
        wrong += [] if is_right else [f"{method} {path} for a narrow key: {status}"]
    return wrong, checked


def _expired() -> Any:

    return KeyWish(
        "short", scopes_of(CallerRole.ADMIN), CallerRole.ADMIN, None, timedelta(seconds=-1)
    )


def _filled(path: str) -> str:
    while "{" in path:
        start, _, rest = path.partition("{")
        path = start + NOTHING + rest.partition("}")[2]
    return path


async def test_a_body_is_read_for_callers_alone(served: Served) -> None:
    answer = await served.client.post(f"{API}/workflows", content=b"{broken")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_first_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "d" / "admin-key"

    async def starts() -> str:
        async with serving(tmp_path / "d") as served:
            return served.admin if file.exists() else "none"

    key = asyncio.run(starts())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    assert asyncio.run(starts()) == "none"

    async def asks() -> int:
        async with serving(tmp_path / "d") as served:
            return (await served.ask("GET", f"{API}/keys", key)).status_code

    assert asyncio.run(asks()) == 200


def test_a_key_that_is_in_the_file_before_becomes_the_first(tmp_path: Path) -> None:
    first, later = (flowc_here("keys", "new").stdout.strip() for _ in range(2))
    file = tmp_path / "d" / "admin-key"
    file.parent.mkdir()

    async def statuses() -> list[int]:
        async with serving(tmp_path / "d") as served:
            return [
                (await served.ask("GET", f"{API}/keys", key)).status_code for key in (first, later)
            ]

    file.write_text(f"{first}\n")
    assert asyncio.run(statuses()) == [200, 401]
    assert file.read_text().strip() == first
    # Later keys come from the API alone.
    file.write_text(f"{later}\n")
    assert asyncio.run(statuses()) == [200, 401]


async def test_a_file_without_a_key_is_replaced_by_the_first(tmp_path: Path) -> None:
    file = tmp_path / "d" / "admin-key"
    file.parent.mkdir()
    file.write_text("flowc_null")
    async with serving(tmp_path / "d") as served:
        assert file.read_text().strip() == served.admin != "flowc_null"


async def test_a_key_is_stored_as_a_hash_alone(served: Served) -> None:
    key = await served.new_key(role="viewer")
    secret = key.split("_", 2)[2]
    for file in served.folder.rglob("*"):
        if file.is_file() and file.name != "admin-key":
            assert secret.encode() not in file.read_bytes()
    listed = (await served.ask("GET", f"{API}/keys", served.admin)).text
    assert secret not in listed


async def test_a_revoked_key_ends_at_once(served: Served) -> None:
    key = await served.new_key(role="viewer")
    assert (await served.ask("GET", f"{API}/runs", key)).status_code == 200
    await served.ask("DELETE", f"{API}/keys/{key.split('_')[1]}", served.admin)
    answer = await served.ask("GET", f"{API}/runs", key)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        401,
        "The API key was revoked.",
    )


async def test_a_key_of_one_workflow_runs_that_one_alone(served: Served) -> None:
    for name in ("hello", "other"):
        takes = {"input": {"message": "string?"}}
        body = {"id": name, "definition": {**HELLO, **takes, "id": name}}
        await served.ask("POST", f"{API}/workflows", served.admin, json=body)
    key = await served.new_key(workflow_id="hello")
    ran = await served.ask("POST", f"{API}/workflows/hello/execute", key, json={})
    assert (ran.status_code, ran.json()["status"]) == (200, "completed")
    for method, path, body in (
        ("POST", f"{API}/workflows/other/execute", {}),
        ("POST", f"{API}/workflows/execute", {"definition": HELLO}),
        ("GET", f"{API}/workflows/hello", None),
        ("GET", f"{API}/runs/{ran.json()['id']}", None),
        (
            "POST",
            "/v1/chat/completions",
            {"model": "other", "messages": [{"role": "user", "content": "x"}]},
        ),
        ("POST", "/v1/responses", {"model": "other", "input": "x"}),
        ("GET", "/v1/models/other", None),
        ("GET", f"{API}/keys", None),
    ):
        answer = await served.ask(method, path, key, json=body)
        assert answer.status_code == 403, (path, answer.text)
    models = (await served.ask("GET", "/v1/models", key)).json()["data"]
    assert [each["id"] for each in models] == ["hello"]


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"role": "king"},
        {"scopes": []},
        {"scopes": ["runs:fly"]},
        {"role": "viewer", "workflow_id": "w"},
        {"role": "viewer", "days": 0},
        {"role": "viewer", "days": 1e9},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(served: Served, about: Any) -> None:
    answer = await served.ask("POST", f"{API}/keys", served.admin, json={"name": "x", **about})
    assert answer.status_code == 422


async def test_who_changed_what_is_in_the_audit_log(served: Served) -> None:
    editor = await served.new_key(role="editor")
    body = {"id": "hello", "definition": HELLO}
    await served.ask("POST", f"{API}/workflows", editor, json=body)
    await served.ask("DELETE", f"{API}/workflows/hello", editor)
    await served.ask("DELETE", f"{API}/keys/{NOTHING}", editor)
    answer = await served.ask("GET", f"{API}/audit", served.admin, params={"limit": 3})
    found = [(each["act"], each["status"], each["details"]) for each in answer.json()["items"]]
    assert found == [
        ("revoke_key", 403, {"key_id": NOTHING}),
        ("delete_workflow", 204, {"workflow_id": "hello"}),
        ("create_workflow", 201, {}),
    ]
    callers = {each["caller"] for each in answer.json()["items"]}
    assert callers == {f"key {editor.split('_')[1]} (test)"}
    older = {"before": answer.json()["next"]}
    rest = await served.ask("GET", f"{API}/audit", served.admin, params=older)
    assert [each["act"] for each in rest.json()["items"]] == ["create_key"]
    assert rest.json()["next"] is None
    assert (await served.ask("GET", f"{API}/audit", editor)).status_code == 403


async def test_an_open_server_admits_all_clients(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, auth="off", warm_models=False))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get(f"{API}/keys")).json() == []
    assert not (tmp_path / "admin-key").exists()


def claims(**changes: Any) -> dict[str, Any]:
    found = {
        "sub": "ada",
        "role": "viewer",
        "iat": time.time(),
        "exp": time.time() + 600,
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers)


async def test_a_token_has_the_role_that_it_names(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as served:
        for role in CallerRole:
            token = signed(role=role.value)
            for path, scope in (("runs", ApiScope.RUNS_READ), ("keys", ApiScope.KEYS_MANAGE)):
                status = (await served.ask("GET", f"{API}/{path}", token)).status_code
                assert status == (200 if scope in scopes_of(role) else 403)
        assert (await served.ask("GET", f"{API}/runs", served.admin)).status_code == 200


def _changed() -> str:
    head, _, signature = signed().split(".")
    return ".".join([head, jwt.encode(claims(role="admin"), "y" * 40).split(".")[1], signature])


def _of_parts(*parts: str) -> str:

    return ".".join([*(urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts), "AAAA"])


HOSTILE: Mapping[str, Any] = {
    "no signature": lambda: jwt.encode(claims(role="admin"), "", "none"),
    "another secret": lambda: signed("another secret that is long enough for it"),
    "another algorithm": lambda: signed(algorithm="HS512"),
    "expired": lambda: signed(exp=time.time() - 60),
    "not yet": lambda: signed(nbf=time.time() + 600),
    "issued later": lambda: signed(iat=time.time() + 600, exp=time.time() + 700),
    "no end": lambda: signed(exp=None),
    "no beginning": lambda: signed(iat=None),
    "no subject": lambda: signed(sub=None),
    "a subject that is empty": lambda: signed(sub=""),
    "valid for a year": lambda: signed(exp=time.time() + 365 * 86_400),
    "an end that is text": lambda: signed(exp="tomorrow"),
    "an end that is no number": lambda: signed(exp=float("inf")),
    "too long": lambda: signed(more="x" * 9_000),
    "a key of its own": lambda: signed(headers={"jwk": {"kty": "oct", "k": "AAAA"}}, key="x" * 40),
    "a key at an address": lambda: signed("x" * 40, headers={"jku": "http://127.0.0.1/keys"}),
    "a certificate": lambda: signed("x" * 40, headers={"x5u": "http://127.0.0.1/c"}),
    "a name that is a path": lambda: signed("x" * 40, headers={"kid": "../../dev/null"}),
    "a short secret": lambda: signed("x"),
    "three dots": lambda: "...",
    "two parts": lambda: ".".join(signed().split(".")[:2]),
    "four parts": lambda: signed() + ".x",
    "no signature part": lambda: signed().rpartition(".")[0] + ".",
    "changed claims": _changed,
    "not text": lambda: "\udcff",
    "a word": lambda: "null",
    "a list of claims": lambda: _of_parts('{"alg":"HS256"}', "[]"),
    "deep claims": lambda: _of_parts('{"alg":"HS256"}', "[" * 3_000),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_hostile_tokens_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as served:
        for name, make in HOSTILE.items():
            header = f"Bearer {make()}".encode("utf-8", "surrogateescape")
            answer = await served.client.get(f"{API}/runs", headers={b"authorization": header})
            assert answer.status_code == 401, name


async def test_a_token_without_a_role_may_do_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as served:
        for role in (None, "king", 7, [], {"admin": True}, "ADMIN", " admin"):
            answer = await served.ask("GET", f"{API}/runs", signed(role=role))
            assert answer.status_code == 403, role


async def test_the_tenant_of_a_token_has_a_name_that_it_can_have(tmp_path: Path) -> None:
    async with serving(tmp_path / "d", jwt_secret=SECRET) as served:
        named = {None: 200, "default": 200, "other": 200, "a/b": 403, 7: 403, "": 403}
        for tenant, status in named.items():
            answer = await served.ask("GET", f"{API}/runs", signed(tenant=tenant))
            assert answer.status_code == status, tenant


class Issuer:
    """Publishes keys, as an identity provider does."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(65_537, 2_048)}
        self.read = 0

    async def document(self, url: str) -> Any:
        assert url == "https://id.example/keys"
        self.read += 1
        return {"keys": [self._public(name) for name in self.keys]}

    def _public(self, name: str) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self.keys[name].public_key(), as_dict=True)
        return {**public, "kid": name, "alg": "RS256", "use": "sig"}

    def sign(self, name: str = "one", **changes: Any) -> str:
        about = {"iss": "https://id.example", "aud": "flowc", **changes}
        return signed(self.keys[name], "RS256", {"kid": name}, **about)


async def test_tokens_of_an_issuer_are_checked_with_its_public_keys(tmp_path: Path) -> None:
    issuer = Issuer()
    about = {
        "jwt_keys_url": "https://id.example/keys",
        "jwt_algorithm": "RS256",
        "jwt_issuer": "https://id.example",
        "jwt_audience": "flowc",
        "jwt_role_claim": "realm.roles",
    }
    async with serving(tmp_path / "d", **about) as served:
        tokens = served.app.state.process.gate._tokens
        tokens._read_json = issuer.document
        good: dict[str, Any] = {"realm": {"roles": ["other", "editor", "viewer"]}}

        async def status_of(token: str) -> int:
            return (await served.ask("GET", f"{API}/runs", token)).status_code

        assert await status_of(issuer.sign(**good)) == 200
        assert await status_of(issuer.sign(**good, iss="https://other.example")) == 401
        assert await status_of(issuer.sign(**good, aud="other")) == 401
        assert await status_of(issuer.sign(**good, aud=None)) == 401
        # The public key as a secret, the oldest trick.
        public = str(issuer._public("one")["n"])
        assert await status_of(signed(public, "HS256", {"kid": "one"}, **good)) == 401
        assert issuer.read == 1
        issuer.keys["two"] = rsa.generate_private_key(65_537, 2_048)
        # An unknown key is looked for again, but not at each request.
        assert await status_of(issuer.sign("two", **good)) == 401
        assert issuer.read == 1
        tokens._read_at -= 61
        assert await status_of(issuer.sign("two", **good)) == 200
        assert issuer.read == 2
