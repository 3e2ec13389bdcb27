"""Secrets over HTTP and on the command line: set and never read, bound, of one tenant."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.command import flowc_here
from fakes.loopback import Reply, Request, Server, reply_json
from fakes.loopback import serving as calling
from fakes.processes import serving as running
from fakes.served import Served, serving
from fakes.vault import FakeVault, vault
from flowc.server.app import API
from flowc.server.secrets.sealing import new_sealing_key

KEY, OLD = new_sealing_key(), new_sealing_key()
VALUE = "sesame-canary-0123456789"


def _answer(request: Request) -> Reply:
    return reply_json({"sent": request.headers.get("authorization", ""), "n": 1})


@pytest.fixture
def outside() -> Iterator[Server]:
    with calling(_answer) as server:
        yield server


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    rules = {"127.0.0.1/32": list[int]()}
    async with serving(tmp_path / "d", sealing_keys=[KEY], egress_allow=rules) as found:
        yield found


async def put(
    served: Served, name: str, value: str = VALUE, key: str = "", **about: Any
) -> httpx.Response:
    tenant = about.pop("tenant", None)
    params = {"tenant": tenant} if tenant else {}
    body = {"value": value, **about}
    return await served.ask(
        "PUT", f"{API}/secrets/{name}", key or served.admin, json=body, params=params
    )


def calls(server: Server) -> dict[str, Any]:
    headers = {"authorization": "Bearer {{secrets.token}}"}
    config = {"url": f"{server.url}/x", "headers": headers}
    return {"nodes": [{"id": "call", "type": "http", "config": config}]}


async def store(served: Served, id: str, definition: Any, key: str = "") -> None:
    body = {"id": id, "definition": definition}
    made = await served.ask("POST", f"{API}/workflows", key or served.admin, json=body)
    assert made.is_success, made.text


async def execute(served: Served, id: str, key: str = "") -> Any:
    path = f"{API}/workflows/{id}/execute"
    answer = await served.ask("POST", path, key or served.admin, json={})
    return answer.json()


async def test_a_secret_is_set_listed_and_deleted_and_never_shown(served: Served) -> None:
    made = await put(served, "token", hosts=["API.Example.com.", "*.b.test"], workflows=["w"])
    assert made.status_code == 200
    again = (await put(served, "token", hosts=["*.b.test"])).json()
    assert (again["version"], again["hosts"], again["workflows"]) == (2, ["*.b.test"], [])
    listed = await served.ask("GET", f"{API}/secrets", served.admin)
    [item] = listed.json()["items"]
    assert (item["name"], item["key_id"]) == ("token", listed.json()["key_id"])
    assert VALUE not in made.text + listed.text
    assert made.json()["hosts"] == ["api.example.com", "*.b.test"]
    gone = await served.ask("DELETE", f"{API}/secrets/token", served.admin)
    assert (gone.status_code, gone.content) == (204, b"")
    missing = await served.ask("DELETE", f"{API}/secrets/token", served.admin)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no-such-secret")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("token", {"value": "abc"}),
        ("token", {"value": "  ab \n"}),
        ("token", {"value": ""}),
        ("token", {}),
        ("token", {"value": 12345}),
        ("to ken", {"value": VALUE}),
        ("..", {"value": VALUE}),
        ("token", {"value": VALUE, "hosts": ["https://a.test"]}),
        ("token", {"value": VALUE, "hosts": ["a.test/x"]}),
        ("token", {"value": VALUE, "hosts": ["a.*.test"]}),
        ("token", {"value": VALUE, "hosts": ["*"]}),
        ("token", {"value": VALUE, "hosts": ["a.test:80"]}),
        ("token", {"value": VALUE, "workflows": [""]}),
        ("token", {"value": VALUE, "host": ["a.test"]}),
    ],
)
async def test_what_cannot_be_a_secret_is_refused_without_its_value(
    served: Served, name: str, body: dict[str, Any]
) -> None:
    answer = await served.ask("PUT", f"{API}/secrets/{name}", served.admin, json=body)
    assert 400 <= answer.status_code < 500
    assert VALUE not in answer.text


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
async def test_only_an_administrator_sees_or_sets_secrets(served: Served, role: str) -> None:
    key = await served.new_key(role=role)
    for method, path in (("GET", ""), ("PUT", "/token"), ("DELETE", "/token"), ("POST", "/rotate")):
        body = {"json": {"value": VALUE}} if method == "PUT" else {}
        answer = await served.ask(method, f"{API}/secrets{path}", key, **body)
        assert answer.status_code == 403, (method, path)


async def test_who_set_a_secret_is_in_the_audit_log(served: Served) -> None:
    await put(served, "token")
    await served.ask("DELETE", f"{API}/secrets/token", served.admin)
    log = await served.ask("GET", f"{API}/audit", served.admin)
    acts = {item["act"]: item["details"] for item in log.json()["items"]}
    assert acts["set_secret"] == {"name": "token", "version": 1}
    assert acts["delete_secret"] == {"name": "token"}
    assert VALUE not in log.text


async def test_a_changed_secret_is_read_at_once(served: Served, outside: Server) -> None:
    await put(served, "token")
    await store(served, "w", calls(outside))
    assert (await execute(served, "w"))["output"]["body"]["sent"] == "Bearer [secret]"
    await put(served, "token", "another-0123456789")
    await execute(served, "w")
    sent = [request.headers["authorization"] for request in outside.requests]
    assert sent == [f"Bearer {VALUE}", "Bearer another-0123456789"]


async def test_a_run_is_refused_when_its_secret_is_gone(served: Served, outside: Server) -> None:
    await put(served, "token")
    await store(served, "w", calls(outside))
    assert (await execute(served, "w"))["status"] == "completed"
    await served.ask("DELETE", f"{API}/secrets/token", served.admin)
    refused = (await execute(served, "w"))["error"]
    assert refused["code"] == "environment-not-ready"
    assert refused["details"][0]["code"] == "missing-secret"


async def test_bindings_hold(served: Served, outside: Server) -> None:
    await store(served, "w", calls(outside))
    await store(served, "v", calls(outside))
    await put(served, "token", workflows=["w"], hosts=["127.0.0.1"])
    assert (await execute(served, "w"))["status"] == "completed"
    assert (await execute(served, "v"))["error"]["code"] == "secret-not-for-workflow"
    # A definition that is not stored is no workflow, whatever it calls itself.
    for definition in (calls(outside), {**calls(outside), "id": "w", "name": "w"}):
        body = {"definition": definition, "input": {}}
        ran = await served.ask("POST", f"{API}/workflows/execute", served.admin, json=body)
        assert ran.json()["error"]["code"] == "secret-not-for-workflow", ran.text
    await put(served, "token", hosts=["api.a.test"])
    assert (await execute(served, "w"))["error"]["code"] == "secret-not-for-host"
    assert len(outside.requests) == 1


async def test_what_counts_is_the_workflow_that_the_node_is_written_in(
    served: Served, outside: Server
) -> None:
    await store(served, "inner", calls(outside))
    outer = {"nodes": [{"id": "s", "type": "subworkflow", "config": {"workflow": "inner"}}]}
    await store(served, "outer", outer)
    await put(served, "token", workflows=["inner"])
    assert (await execute(served, "outer"))["status"] == "completed"
    # The other way round, an inner workflow does not get what is the outer one's.
    await put(served, "token", workflows=["outer"])
    assert (await execute(served, "outer"))["status"] == "failed"
    assert len(outside.requests) == 1


async def test_each_tenant_has_its_own(
    served: Served, outside: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWC_SECRET_TOKEN", "of-the-operator-1234")
    acme = await served.new_key(role="admin", tenant="acme")
    await store(served, "w", calls(outside), acme)
    await store(served, "w", calls(outside))
    # What the environment has is the operator's own.
    assert (await execute(served, "w"))["status"] == "completed"
    refused = await execute(served, "w", acme)
    assert refused["error"]["code"] == "environment-not-ready"
    await put(served, "token", "of-acme-0123456789", acme)
    await put(served, "token")
    assert (await execute(served, "w", acme))["status"] == "completed"
    assert (await execute(served, "w"))["status"] == "completed"
    sent = [request.headers["authorization"].split()[1] for request in outside.requests]
    # Sealed secrets come before those of the environment.
    assert sent == ["of-the-operator-1234", "of-acme-0123456789", VALUE]
    other = await put(served, "token", key=acme, tenant="zeta")
    assert other.status_code == 403
    assert (await put(served, "token", tenant="zeta")).status_code == 200
    for key in (acme, served.admin):
        listed = await served.ask("GET", f"{API}/secrets", key)
        assert [item["name"] for item in listed.json()["items"]] == ["token"]


async def test_a_secret_that_signs_is_of_its_workflows_and_not_held_to_hosts(
    served: Served, outside: Server
) -> None:
    signing = "whsec_" + "QUJD" * 11
    await store(served, "w", calls(outside))
    await put(served, "hook", signing, workflows=["w"], hosts=["api.a.test"])

    async def code_of(path: str, body: dict[str, Any]) -> str | None:
        made = await served.ask("POST", f"{API}/{path}", served.admin, json=body)
        return None if made.is_success else made.json()["error"]["code"]

    hook = {"path": "p", "workflow_id": "w", "secret": "hook"}
    assert await code_of("webhooks", hook) is None
    there = {"url": f"{outside.url}/x", "events": ["run.completed"], "secret": "hook"}
    assert await code_of("subscriptions", {**there, "workflow_id": "w"}) is None
    # One for all workflows would sign for others, too.
    assert await code_of("subscriptions", there) == "secret-missing"
    await store(served, "v", calls(outside))
    assert await code_of("webhooks", {**hook, "path": "q", "workflow_id": "v"}) == "secret-missing"


async def test_another_tenant_reads_how_it_sets_a_secret(served: Served, outside: Server) -> None:
    acme = await served.new_key(role="admin", tenant="acme")
    await store(served, "w", calls(outside), acme)
    [lack] = (await execute(served, "w", acme))["error"]["details"]
    assert lack["hint"] == "An administrator can set it: `flowc secrets set token`."


async def test_without_a_sealing_key_nothing_is_set(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        answer = await put(served, "token")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no-sealing-key")
        listed = await served.ask("GET", f"{API}/secrets", served.admin)
        assert listed.json() == {"items": [], "key_id": None}


def test_keys_change_without_a_pause(tmp_path: Path, outside: Server) -> None:
    """The list of keys grows, the secrets are sealed again, the old key goes."""
    (tmp_path / "keys").write_text(f"# of 2026\n{OLD}\n")
    allow = {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{outside.port}"}
    body = {"definition": calls(outside), "input": {}}

    def run_of(api: httpx.Client) -> Any:
        return api.post(f"{API}/workflows/execute", json=body).json()

    def rotated(api: httpx.Client) -> tuple[int, int]:
        done = api.post(f"{API}/secrets/rotate").json()
        return done["resealed"], done["remaining"]

    with running(tmp_path / "d", {"FLOWC_SEALING_KEYS": OLD, **allow}) as (api, _):
        for tenant in ("default", "acme"):
            params = {"tenant": tenant}
            api.put(f"{API}/secrets/token", json={"value": VALUE}, params=params).raise_for_status()
    both = {"FLOWC_SEALING_KEYS": KEY, "FLOWC_SEALING_KEYS_FILE": str(tmp_path / "keys")}
    with running(tmp_path / "d", {**both, **allow}) as (api, _):
        assert run_of(api)["status"] == "completed"
        assert rotated(api) == (2, 0)
    with running(tmp_path / "d", {"FLOWC_SEALING_KEYS": KEY, **allow}) as (api, _):
        assert run_of(api)["status"] == "completed"
    with running(tmp_path / "d", {"FLOWC_SEALING_KEYS": OLD, **allow}) as (api, _):
        assert run_of(api)["error"]["code"] == "secret-unreadable"
        assert rotated(api) == (0, 2)


@pytest.fixture
def kept() -> Iterator[FakeVault]:
    entries: dict[str, dict[str, Any] | None] = {
        "flowc/default/token": {"value": VALUE},
        "flowc/acme/token": {"value": "of-acme-0123456789", "hosts": "127.0.0.1, *.a.test"},
        "flowc/default/gone": None,
        "flowc/default/odd": {"password": VALUE},
        "flowc/default/bound": {"value": VALUE, "workflows": ["other"]},
    }
    with vault(entries) as fake:
        yield fake


async def test_a_vault_is_asked_for_the_tenants_own(
    tmp_path: Path, kept: FakeVault, outside: Server
) -> None:
    (tmp_path / "token").write_text(f"{kept.token}\n")
    port = {"127.0.0.1/32": [outside.port]}
    settings = {"vault_url": kept.url, "vault_token_file": tmp_path / "token", "egress_allow": port}
    async with serving(tmp_path / "d", **settings) as served:
        acme = await served.new_key(role="admin", tenant="acme")
        zeta = await served.new_key(role="admin", tenant="zeta")
        for key in (served.admin, acme, zeta):
            await store(served, "w", calls(outside), key)
        assert (await execute(served, "w"))["status"] == "completed"
        assert (await execute(served, "w", acme))["status"] == "completed"
        assert (await execute(served, "w", zeta))["error"]["code"] == "environment-not-ready"
        sent = [request.headers["authorization"].split()[1] for request in outside.requests]
        assert sent == [VALUE, "of-acme-0123456789"]
        asked = len(kept.paths)
        assert (await execute(served, "w"))["status"] == "completed"
        assert len(kept.paths) == asked, "within its seconds, a secret is not read again"
        assert set(kept.paths) == {f"flowc/{name}/token" for name in ("default", "acme", "zeta")}


async def test_what_a_vault_does_not_give_is_a_clear_failure(
    tmp_path: Path, kept: FakeVault, outside: Server
) -> None:
    rules = {"127.0.0.1/32": [outside.port]}
    settings = {
        "vault_url": kept.url,
        "vault_token": kept.token,
        "vault_seconds": 0,
        "egress_allow": rules,
    }
    async with serving(tmp_path / "d", **settings) as served:

        async def code_of(name: str) -> tuple[str, str]:
            text = json.dumps(calls(outside)).replace("secrets.token", f"secrets.{name}")
            body = {"definition": json.loads(text), "input": {}}
            ran = await served.ask("POST", f"{API}/workflows/execute", served.admin, json=body)
            return ran.json()["error"]["code"], ran.json()["error"]["message"]

        assert (await code_of("gone"))[0] == "environment-not-ready"
        assert await code_of("odd") == (
            "secret-unavailable",
            "The vault has this secret in another form: its entry needs a text `value`.",
        )
        assert (await code_of("bound"))[0] == "secret-not-for-workflow"
        kept.token = "hvs.renewed-0123456789"
        assert "refuses the token (status 403)" in (await code_of("token"))[1]
        kept.is_sealed = True
        assert "answered with status 503" in (await code_of("token"))[1]
    assert outside.requests == []


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(tmp_path_factory.mktemp("secrets") / "d", {"FLOWC_SEALING_KEYS": KEY}) as (api, _):
        yield api


def on(api: httpx.Client, *arguments: str, stdin: str = "") -> Any:
    return flowc_here("secrets", *arguments, stdin=stdin, FLOWC_SERVER_URL=str(api.base_url))


def test_the_command_reads_a_secret_from_standard_input(here: httpx.Client) -> None:
    done = on(here, "set", "token", "--host", "api.a.test", "--workflow", "w", stdin=f"{VALUE}\n")
    assert (done.returncode, done.stdout) == (0, "The secret token is set (version 1).\n")
    listed = on(here, "list")
    assert listed.stdout == "token  version 1  api.a.test  w\n"
    assert VALUE not in on(here, "list", "--json").stdout
    rotated = on(here, "rotate")
    assert "0 secrets are sealed with the key" in rotated.stdout
    assert "old keys can be removed" in rotated.stdout
    assert on(here, "delete", "token").stdout == "The secret token is deleted.\n"
    assert on(here, "delete", "token").returncode != 0


def test_the_command_says_what_is_wrong(here: httpx.Client) -> None:
    short = on(here, "set", "token", stdin="abc")
    assert short.returncode != 0
    assert "4 characters" in short.stderr
    assert "abc" not in short.stderr
    assert "Standard input is empty" in on(here, "set", "token").stderr
    # There is no option for a value: it would be in the shell's history and in the process list.
    assert on(here, "set", "token", VALUE).returncode == 2
    key = on(here, "key").stdout.strip()
    assert len(key) == 44
    assert key != KEY
    assert os.environ.get("FLOWC_SEALING_KEYS") is None
