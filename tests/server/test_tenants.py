"""Two tenants of one server: neither sees, changes or begins anything of the other."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from fakes.served import Served, database_of, serving
from flowc.server.access.scopes import CallerRole, handler_of
from flowc.server.app import API
from flowc.server.records.remote_types import NewRemoteType
from flowc.server.records.times import now

HOOK = "whsec_" + base64.b64encode(b"k" * 32).decode()


def greeting(word: str) -> dict[str, Any]:
    """A workflow that says a word, and asks before it ends."""
    nodes = [
        {"id": "say", "type": "template", "config": {"template": word}},
        {"id": "ask", "type": "human", "config": {"title": word}},
    ]
    return {"id": "greet", "nodes": nodes, "edges": [{"source": "say", "target": "ask"}]}


class Member:
    """An administrator of a tenant."""

    def __init__(self, served: Served, tenant: str, key: str) -> None:
        self.served, self.tenant, self.key = served, tenant, key

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        return await self.served.ask(method, path, self.key, **more)

    async def get(self, path: str) -> Any:
        return (await self.ask("GET", f"{API}{path}")).json()

    async def make(self, path: str, body: Any) -> Any:
        made = await self.ask("POST", f"{API}{path}", json=body)
        assert made.is_success, made.text
        return made.json()


async def member(served: Served, tenant: str, role: str = "admin") -> Member:
    return Member(served, tenant, await served.new_key(role=role, tenant=tenant))


@pytest.fixture(params=["sqlite", "postgresql"])
async def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("FLOWC_SECRET_HOOK", HOOK)
    async with serving(tmp_path / "d", **database_of(request)) as found:
        yield found


async def test_two_tenants_run_workflows_of_one_id(served: Served) -> None:
    acme, zeta = await member(served, "acme"), await member(served, "zeta")
    for each in (acme, zeta):
        definition = greeting(each.tenant)
        await each.make("/workflows", {"id": "greet", "definition": definition})
    for each in (acme, zeta):
        run = await each.make("/workflows/greet/execute", {})
        assert run["status"] == "waiting"
        whole = await each.get(f"/runs/{run['id']}")
        assert whole["nodes"]["say"]["output"]["text"] == each.tenant
        assert [each["data"]["title"] for each in await each.get("/interrupts")] == [each.tenant]
        assert (await each.get("/runs"))["total"] == 1
        assert (await each.get("/workflows"))["total"] == 1


async def test_keys_and_signals_of_one_tenant_are_not_those_of_another(served: Served) -> None:
    acme, zeta = await member(served, "acme"), await member(served, "zeta")
    wait = {"id": "w", "nodes": [{"id": "s", "type": "wait", "config": {"signal": "go"}}]}
    runs = []
    for each in (acme, zeta):
        await each.make("/workflows", {"id": "w", "definition": wait})
        answer = await each.ask(
            "POST",
            f"{API}/workflows/w/execute",
            json={"deduplication_key": "one"},
            headers={"idempotency-key": "same"},
        )
        assert answer.json()["status"] == "waiting", answer.text
        runs.append(answer.json()["id"])
    assert runs[0] != runs[1]
    assert (await acme.make("/signals", {"name": "go", "id": "1"}))["runs"] == 1
    assert (await zeta.get(f"/runs/{runs[1]}"))["status"] == "waiting"
    # The id of a signal is the tenant's own.
    assert (await zeta.make("/signals", {"name": "go", "id": "1", "data": 2}))["runs"] == 1


async def test_a_workflow_of_another_tenant_is_not_replaced(served: Served) -> None:
    acme, zeta = await member(served, "acme"), await member(served, "zeta")
    ids = await _everything_of(acme)
    before = await _seen_by(acme, ids)
    made = await zeta.ask("PUT", f"{API}/workflows/greet", json=greeting("zeta"))
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert await _seen_by(acme, ids) == before


async def test_each_id_of_another_tenant_is_unknown(served: Served) -> None:
    """Every operation with an id, with each id of another tenant, in each role."""
    acme = await member(served, "acme")
    ids = await _everything_of(acme)
    before = await _seen_by(acme, ids)
    document = served.app.openapi()
    wrong: list[str] = []
    checked = 0
    for role in CallerRole:
        zeta = await member(served, "zeta", role.value)
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if "{" not in path or handler_of(operation["operationId"]) in _OWN:
                    continue
                address = path.format(**ids)
                answer = await zeta.ask(method.upper(), address, **_body_for(operation))
                checked += 1
                if answer.status_code not in {404, 403} or acme.tenant in answer.text:
                    wrong.append(
                        f"{role} {method} {path}: {answer.status_code} {answer.text[:300]}"
                    )
                if role is CallerRole.ADMIN and answer.status_code == 403:
                    wrong.append(f"{role} {method} {path}: 403")
    assert wrong == []
    assert checked > 150
    assert await _seen_by(acme, ids) == before


# Anyone may send a signed message; workflows, documents and secrets get names of the caller's own.
# Codes of diagnostics are of all tenants.
_OWN = {
    *("receive_webhook", "replace_workflow", "store_draft", "ingest", "set_secret"),
    "explain_diagnostic",
}
A_TYPE = NewRemoteType(
    name="score",
    description="",
    url="https://example.com/",
    health_url=None,
    arguments={},
    output={},
    secret="hook",
    timeout=1.0,
    version="1",
)
# The bodies that operations need before they look for what the path names.
_BODIES: Mapping[str, Any] = {
    "set_dependencies": {"depends_on": ["greet"]},
    "validate_dependencies": {"depends_on": ["greet"]},
    "answer_interrupt": {"answer": "approve"},
    "replace_schedule": {"workflow_id": "greet", "cron": "0 3 * * *"},
    "backfill_schedule": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:01Z"},
    "replay_run": {"from_node": "say"},
    "chat": {"message": "hello"},
    "search": {"query": "hello"},
    "create_collection": {"name": "mine"},
    "signal_execution": {"name": "paid"},
    "add_breakpoint": {"node_id": "say"},
    "add_dependency": {"depends_on_workflow_id": "greet"},
    "validate_run": {"expect": {}},
    "set_labels": {"labels": {}},
    "change_variables": {"variables": {"n": 1}},
    "store_draft": {"source": ""},
    "store_cases": {"cases": [{"name": "one", "expect": {}}]},
}
_QUERIES: Mapping[str, Any] = {
    "diff_versions": {"old": 1, "new": 1},
    "delete_document": {"source": "a"},
    "list_passages": {"source": "a"},
}


def _body_for(operation: Mapping[str, Any]) -> dict[str, Any]:
    name = handler_of(operation["operationId"])
    found: dict[str, Any] = {}
    if "requestBody" in operation:
        found["json"] = _BODIES.get(name, {})
    if name in _QUERIES:
        found["params"] = _QUERIES[name]
    return found


async def _everything_of(owner: Member) -> dict[str, str]:
    """Make one of everything for a tenant; return the ids by the names of parameters."""
    await owner.make("/workflows", {"id": "greet", "definition": greeting(owner.tenant)})
    run = await owner.make("/workflows/greet/execute", {})
    [asked] = await owner.get("/interrupts")
    thread = await owner.make("/threads", {"workflow_id": "greet"})
    uploaded = await owner.ask(
        "POST", f"{API}/knowledge/files", files={"file": ("a.txt", b"hello")}
    )
    assert uploaded.status_code == 201, uploaded.text
    await owner.make("/knowledge/collections", {"name": "papers"})
    text = {"source": owner.tenant}
    stored = await owner.ask("PUT", f"{API}/workflows/greet/draft", json=text)
    assert stored.status_code == 200, stored.text
    cases = {"cases": [{"name": owner.tenant, "expect": {}}]}
    stored = await owner.ask("PUT", f"{API}/workflows/greet/cases", json=cases)
    assert stored.status_code == 200, stored.text
    await owner.make("/workflows/greet/cases/run", {})
    schedule = {"id": "nightly", "workflow_id": "greet", "cron": "0 3 * * *"}
    await owner.make("/schedules", schedule)
    types = owner.served.app.state.process.tenants.of(owner.tenant).workflows.types.stored
    await types.register(A_TYPE, owner.tenant)
    key = await owner.make("/keys", {"name": "other", "role": "viewer"})
    return {
        "workflow_id": "greet",
        "version": "1",
        "run_id": run["id"],
        "node": "say",
        "other": "greet",
        "interrupt_id": asked["id"],
        "thread_id": thread["id"],
        "file_id": uploaded.json()["id"],
        "name": "papers",
        "schedule_id": "nightly",
        "key_id": key["id"],
        "path": "hook",
        "node_type": "score",
        "subscription_id": "none",
        "response_id": f"resp_{run['id']}",
    }


async def _seen_by(owner: Member, ids: Mapping[str, str]) -> str:
    """Return all that a tenant sees of its own."""
    paths = (
        "/workflows",
        "/workflows/greet/versions",
        "/workflows/greet/draft",
        "/workflows/greet/labels",
        "/workflows/greet/cases",
        "/workflows/greet/cases/results",
        "/nodes/score",
        "/runs",
        f"/runs/{ids['run_id']}",
        f"/runs/{ids['run_id']}/logs",
        "/interrupts",
        "/threads",
        "/schedules",
        "/knowledge/files",
        "/knowledge/collections",
        "/keys",
    )
    return json.dumps([await owner.get(path) for path in paths])


async def test_lists_and_references_of_another_tenant_are_empty(served: Served) -> None:
    acme, zeta = await member(served, "acme"), await member(served, "zeta")
    ids = await _everything_of(acme)
    for path in (
        "/workflows",
        "/runs",
        "/runs?workflow_id=greet",
        "/threads",
        "/knowledge/files",
    ):
        assert (await zeta.get(path))["total"] == 0, path
    for path in (
        "/interrupts",
        f"/interrupts?run_id={ids['run_id']}",
        "/schedules",
        "/webhooks",
        "/subscriptions",
        "/knowledge/collections",
    ):
        assert await zeta.get(path) == [], path
    assert await zeta.get("/interrupts/count") == {"count": 0}
    assert {each["tenant"] for each in await zeta.get("/keys")} == {"zeta"}
    assert "acme" not in json.dumps(await zeta.get("/audit"))
    for path, body in (
        ("/threads", {"workflow_id": "greet"}),
        ("/schedules", {"id": "s", "workflow_id": "greet", "cron": "0 3 * * *"}),
        ("/webhooks", {"path": "p", "workflow_id": "greet", "secret": "hook"}),
        ("/workflows/greet/chat", {"message": "hi", "thread_id": ids["thread_id"]}),
    ):
        assert (await zeta.ask("POST", f"{API}{path}", json=body)).status_code == 404, path
    models = (await zeta.ask("GET", "/v1/models")).json()["data"]
    assert models == []
    for path, body in (
        ("/v1/responses", {"model": "greet", "input": "hi"}),
        ("/v1/chat/completions", {"model": "greet", "messages": [{"role": "user", "content": ""}]}),
    ):
        assert (await zeta.ask("POST", path, json=body)).status_code == 404, path


async def test_a_run_reads_only_files_and_documents_of_its_tenant(served: Served) -> None:
    acme, zeta = await member(served, "acme"), await member(served, "zeta")
    ids = await _everything_of(acme)
    read = {"nodes": [{"id": "r", "type": "read_file", "config": {"file": ids["file_id"]}}]}
    search = {
        "nodes": [
            {"id": "s", "type": "retrieve", "config": {"collection": "papers", "query": "hello"}}
        ]
    }
    for owner, status in ((acme, "completed"), (zeta, "failed")):
        run = await owner.make("/workflows/execute", {"definition": read})
        assert run["status"] == status, run
    given = {"files": [ids["file_id"]], "wait": True}
    done = await acme.make("/knowledge/collections/papers/ingest", given)
    assert done["status"] == "completed", done
    found = await acme.make("/workflows/execute", {"definition": search})
    assert "hello" in json.dumps(found["output"])
    refused = await zeta.ask("POST", f"{API}/workflows/execute", json={"definition": search})
    assert refused.status_code == 422 and "papers" in refused.text
    stolen = await zeta.make("/knowledge/collections/mine/ingest", given)
    assert "hello" not in json.dumps(await zeta.get("/knowledge/collections/mine/documents"))
    assert stolen["output"]["added"] == 0 if stolen["output"] else stolen["status"] == "failed"


async def test_the_secrets_and_folders_of_the_operator_are_those_of_the_first_tenant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWC_SECRET_HOOK", HOOK)
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    async with serving(tmp_path / "d", document_dirs=[folder]) as served:
        first, acme = await member(served, "default"), await member(served, "acme")
        read = {"nodes": [{"id": "r", "type": "read_file", "config": {"path": "a.txt"}}]}
        call = {
            "nodes": [
                {
                    "id": "c",
                    "type": "http",
                    "config": {
                        "url": "https://example.com",
                        "headers": {"authorization": "{{secrets.hook}}"},
                    },
                }
            ]
        }
        run = await first.make("/workflows/execute", {"definition": read})
        assert run["status"] == "completed", run
        for definition in (read, call):
            body = {"definition": definition}
            answer = await acme.ask("POST", f"{API}/workflows/execute", json=body)
            assert answer.status_code == 422, answer.text
            assert HOOK not in answer.text


async def test_a_webhook_is_sent_to_the_tenant_that_it_names(served: Served) -> None:
    first = Member(served, "default", served.admin)
    await first.make("/workflows", {"id": "greet", "definition": greeting("first")})
    hook = {"path": "orders", "workflow_id": "greet", "secret": "hook"}
    made = await first.make("/webhooks", hook)
    assert made["url_path"] == "/hooks/orders"
    body, moment = json.dumps({}), now()
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(HOOK).sign("m1", moment, body),
    }
    for path, status in (
        ("orders", 202),
        ("~default/orders", 202),
        ("~acme/orders", 404),
        ("default/orders", 404),
        ("~no%2Fsuch/orders", 404),
    ):
        answer = await served.client.post(f"{API}/webhooks/{path}", content=body, headers=headers)
        assert answer.status_code == status, (path, answer.text)
    assert (await first.get("/runs"))["total"] == 1


async def test_only_the_operator_names_another_tenant(served: Served) -> None:
    acme = await member(served, "acme")
    body = {"name": "x", "role": "admin", "tenant": "zeta"}
    assert (await acme.ask("POST", f"{API}/keys", json=body)).status_code == 403
    assert (await acme.ask("GET", f"{API}/keys?tenant=zeta")).status_code == 403
    bad = {**body, "tenant": "a/b"}
    assert (await served.ask("POST", f"{API}/keys", served.admin, json=bad)).status_code == 403
    mine = await served.ask("GET", f"{API}/keys?tenant=acme", served.admin)
    [listed] = mine.json()
    gone = f"{API}/keys/{listed['id']}"
    assert (await served.ask("DELETE", gone, served.admin)).status_code == 404
    assert (await served.ask("DELETE", f"{gone}?tenant=acme", served.admin)).status_code == 200
    assert (await acme.ask("GET", f"{API}/runs")).status_code == 401


async def test_a_schedule_begins_runs_of_its_tenant(served: Served) -> None:
    # As prefixes of ids, `a_` and `ab` are the same to a database.
    one, other = await member(served, "a_"), await member(served, "ab")
    say = {"id": "w", "nodes": [{"id": "s", "type": "template", "config": {"template": "x"}}]}
    for each in (one, other):
        await each.make("/workflows", {"id": "w", "definition": say})
    await other.make("/schedules", {"id": "s", "workflow_id": "w", "cron": "0 3 1 1 *"})
    assert await one.get("/schedules") == []
    assert (await one.ask("POST", f"{API}/schedules/s/trigger")).status_code == 404
    assert (await other.ask("POST", f"{API}/schedules/s/trigger")).is_success
    while not (await other.get("/runs?status=completed"))["total"]:
        await asyncio.sleep(0.05)
    assert (await one.get("/runs"))["total"] == 0
