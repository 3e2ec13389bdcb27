"""A secret of 32 characters passes every node type that takes one, in success and in failure; then it
is nowhere but in the requests that needed it: not in a table, file, log, event, answer or process.
"""

import base64
import json
import random
import re
import sqlite3
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect

from fakes.command import flowc_here
from fakes.leaks import Leak, Scan, planted
from fakes.loopback import Reply, Request, Server, calls, reply_json, streamed
from fakes.loopback import serving as serving_here
from fakes.openapi import document
from fakes.processes import Process, serving, until
from fakes.runs_api import API, ended, run_of
from flowc.server.secrets.sealing import new_sealing_key

_LETTERS = string.ascii_letters + string.digits
CANARY = "".join(random.choices(_LETTERS, k=32))
SIGNING = "whsec_" + base64.b64encode(random.randbytes(32)).decode()
AUTH = {"authorization": "Bearer {{secrets.canary}}"}
_DECLINED = {
    "error": {"message": f"Incorrect API key provided: {CANARY}", "code": "invalid_api_key"}
}


_SECURED = {
    "schemas": {"Pet": {"type": "object"}},
    "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
}


# The codes of those that fail; all others complete.
ENDS = {
    "refused": "http-status",
    "retried": "http-status",
    "timeout": "timeout",
    "node-timeout": "timeout",
    "unreachable": "host-not-found",
    "denied": "egress-denied",
    "bad-url": "egress-denied",
    "template-error": "expression-failed",
    "filter-error": "expression-failed",
    "wrong-type": "invalid-configuration",
    "mcp": "mcp-refused",
    "model-error": "model-key-refused",
    "agent": "model-key-refused",
    "code-exception": "code-failed",
    "digest": "http-status",
    "oauth2": "token-refused",
    "oauth2-refused": "token-refused",
    "fail": "failed-on-purpose",
    "bound-elsewhere": "secret-not-for-host",
    "cancel": "cancelled",
}
# What these are sent is stored and shown elsewhere.
_OBSERVERS = ("/traces", "/batch/", "/api/public/otel/v1/traces")
_KEEPERS = ("/hook", "/v1/chat/completions", *_OBSERVERS)


class Outside:
    """Services that repeat the secret in every form, also to callers that did not send it."""

    def __init__(self) -> None:
        self.seen = 0
        self.asked = 0
        self.go = threading.Event()

    def answer(self, request: Request) -> Reply:
        self.seen += CANARY in f"{request.path} {request.headers} {request.body!r}"
        path = request.path.partition("?")[0]
        known: Mapping[str, Callable[[Request], Reply]] = {
            "/echo": _echo,
            "/refuse": lambda request: Reply(401, f"The token {CANARY} is not valid.".encode()),
            "/break": lambda request: Reply(500, CANARY.encode()),
            "/slow": self._slow,
            "/gate": self._gate,
            "/mcp": lambda request: Reply(401, CANARY.encode()),
            "/v1/chat/completions": self._model,
            "/hook": lambda request: reply_json({}),
            **dict.fromkeys(_OBSERVERS, lambda request: reply_json({})),
        }
        return known.get(path, _echo)(request)

    def _slow(self, request: Request) -> Reply:
        time.sleep(3)
        return _echo(request)

    def _gate(self, request: Request) -> Reply:
        self.go.wait(60)
        return _echo(request)

    def _model(self, request: Request) -> Reply:
        self.asked += 1
        body = request.json
        if body.get("stream"):
            return streamed(["It is ", *re.findall("...?", CANARY), " or ", *CANARY[::-1], "."])
        if body.get("tools") and body["messages"][-1]["role"] != "tool":
            return calls(("fetch", {"token": CANARY}), text=f"I try {CANARY}.")
        return Reply(401, json.dumps(_DECLINED).encode(), {"content-type": "application/json"})


def _echo(request: Request) -> Reply:
    raw = CANARY.encode()
    forms = {
        "plain": CANARY,
        "basic": base64.b64encode(b"somebody:" + raw).decode(),
        "shifted": base64.b64encode(b"xy" + raw + b"z").decode(),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "backwards": CANARY[::-1],
        "lower": CANARY.lower(),
        CANARY: "as a key",
        "text": f"<b>{CANARY}</b> ?token={CANARY}&x=1",
    }
    return reply_json(forms, x_echo=CANARY, set_cookie=f"session={CANARY}")


def http(id: str, url: str, *after: str, **config: Any) -> dict[str, Any]:
    given = {"url": url, "headers": AUTH, **config}
    return {"id": id, "type": "http", "config": given, "depends_on": list(after)}


def template(id: str, text: str, *after: str) -> dict[str, Any]:
    return {"id": id, "type": "template", "config": {"template": text}, "depends_on": list(after)}


def scenarios(url: str) -> dict[str, list[dict[str, Any]]]:
    """Workflows by id: every node type that takes a secret, and every way to fail with one."""
    echo, pets = f"{url}/echo", document(url, security=[{"key": []}], components=_SECURED)
    filters = [
        "trim",
        "upper",
        "lower",
        "reverse",
        "b64encode",
        "urlencode",
        "replace('a', 'b')",
        "truncate(20, true, '')",
    ]
    body = {"nodes": [http("call", echo, body={"item": "{{item}}"})]}
    return {
        "success": [http("a", echo), template("b", "{{a.output.body.plain}} {{a.output.headers}}", "a")],
        "everywhere": [http("a", echo + "?k={{secrets.canary}}", method="POST", query={"t": "{{secrets.canary}}"}, body={"k": ["{{secrets.canary}}"]})],
        "refused": [http("a", f"{url}/refuse")],
        "retried": [{**http("a", f"{url}/break"), "retry": {"max_attempts": 3, "initial_delay": 0.01}}],
        "handled": [{**http("a", f"{url}/refuse"), "on_error": "continue"}, template("b", "{{error.message}}", "a")],
        "timeout": [http("a", f"{url}/slow", timeout=0.3)],
        "node-timeout": [{**http("a", f"{url}/slow"), "timeout": 0.3}],
        "unreachable": [http("a", "http://{{'nowhere.invalid'}}/{{secrets.canary}}")],
        "denied": [http("a", "http://{{'10.0.0.1'}}/{{secrets.canary}}")],
        "bad-url": [http("a", "https://{{secrets.canary}}@[/")],
        "bad-header": [http("a", echo, headers={"x": "{{secrets.canary}}\n"})],
        "template-error": [http("a", echo, headers={"x": "{{secrets.canary.field}}"})],
        "filter-error": [http("a", echo, headers={"x": "{{secrets.canary | int + 1}}"})],
        "wrong-type": [http("a", echo, query="{{secrets.canary}}")],
        **{f"filter-{n}": [http("a", echo, headers={"x": f"{{{{secrets.canary | {each}}}}}"})] for n, each in enumerate(filters)},
        "form": [http("a", echo, method="POST", body_type="form", body={"k": "{{secrets.canary}}"})],
        "parts": [http("a", echo, method="POST", body_type="multipart", body={"k": "{{secrets.canary}}", "f": {"content": "{{secrets.canary}}"}})],
        "graphql": [http("a", echo, graphql={"query": "{ a }", "variables": {"k": "{{secrets.canary}}"}})],
        "cookies": [http("a", echo, cookies={"k": "{{secrets.canary}}"}, keep_cookies=True), http("b", echo, "a", keep_cookies=True)],
        "basic": [http("a", echo, headers={}, auth={"type": "basic", "username": "a", "password": "{{secrets.canary}}"})],
        "bearer": [http("a", echo, headers={}, auth={"type": "bearer", "token": "{{secrets.canary}}"})],
        "digest": [http("a", f"{url}/refuse", headers={}, auth={"type": "digest", "username": "a", "password": "{{secrets.canary}}"})],
        "aws": [http("a", echo, headers={}, auth={"type": "aws", "access_key": "{{secrets.canary}}", "secret_key": "{{secrets.canary}}", "region": "r", "service": "s3"})],
        "oauth2": [http("a", echo, headers={}, auth={"type": "oauth2", "token_url": echo, "client_id": "a", "client_secret": "{{secrets.canary}}"})],
        "oauth2-refused": [http("a", echo, headers={}, auth={"type": "oauth2", "token_url": f"{url}/refuse", "client_id": "a", "client_secret": "{{secrets.canary}}", "credentials_in": "body"})],
        "error-body": [{**http("a", f"{url}/refuse"), "on_error": "continue"}, template("b", "{{error.status}} {{error.body}}", "a")],
        "file": [http("a", echo, read_as="file")],
        "file-sent": [http("a", echo, read_as="file"), http("b", echo, "a", method="POST", body_type="multipart", body={"f": "{{a.output.body}}"})],
        "pages": [http("a", echo, pagination={"parameter": "page", "max_pages": 2, "items": "response.headers"})],
        "not-json": [http("a", f"{url}/hook", read_as="events")],
        "connector": [{"id": "a", "type": "connector", "config": {"document": pets, "operation": "getPet", "arguments": {"id": 1}, "credential": "{{secrets.canary}}"}}],
        "mcp": [{"id": "a", "type": "mcp", "config": {"url": f"{url}/mcp", "tool": "x", "headers": AUTH}}],
        "model-error": [http("a", echo), {"id": "m", "type": "llm", "depends_on": ["a"], "config": {"model": "refusing", "prompt": "Say {{a.output.body.plain}}"}}],
        "model-stream": [http("a", echo), {"id": "m", "type": "llm", "depends_on": ["a"], "config": {"model": "refusing", "prompt": "Hi", "stream": True}}],
        "agent": [{"id": "m", "type": "agent", "config": {"model": "refusing", "prompt": "Hi", "tools": [{**http("fetch", echo), "description": "Fetch."}]}}],
        "code-exception": [http("a", echo), {"id": "c", "type": "code", "depends_on": ["a"], "config": {"code": "def process(x):\n    print(x)\n    raise ValueError(x)", "input_mapping": {"x": "{{a.output.body}}"}}}],
        "code-asteval": [http("a", echo), {"id": "c", "type": "code", "depends_on": ["a"], "config": {"engine": "asteval", "code": "def process(x):\n    print(x)\n    return x", "input_mapping": {"x": "{{a.output.body}}"}}}],
        "fail": [http("a", echo), {"id": "f", "type": "fail", "depends_on": ["a"], "config": {"message": "{{a.output.body.text}}"}}],
        "cached": [{**http("a", echo), "cache": {"ttl": 600}}],
        "map": [{"id": "each", "type": "map", "config": {"items": [1, 2, 3], "body": body}}],
        "inner": [{"id": "s", "type": "subworkflow", "config": {"workflow": "success"}}],
        "set": [http("a", echo), {"id": "v", "type": "set", "depends_on": ["a"], "config": {"variables": {"x": "{{a.output.body}}"}}}],
        "asks": [http("a", echo), {"id": "q", "type": "human", "depends_on": ["a"], "config": {"title": "{{a.output.body.plain}}", "data": "{{a.output.body}}"}}],
        "crash": [http("a", echo), {"id": "each", "type": "map", "depends_on": ["a"], "config": {"items": [1, 2], "body": {"nodes": [http("b", echo), http("g", f"{url}/gate", "b")]}}}],
        "cancel": [http("a", echo), http("g", f"{url}/gate", "a")],
        "bound-elsewhere": [http("a", echo, headers={"x": "{{secrets.bound}}"})],
    }  # fmt: skip


class Watched:
    """A client that keeps what the server answers."""

    def __init__(self, api: httpx.Client) -> None:
        self.api, self.texts = api, dict[str, str]()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.api.request(method, path, **more)
        self.texts[f"{len(self.texts)} {method} {path}"] = f"{answer.headers} {answer.text}"
        return answer

    def store(self, workflows: Mapping[str, Any]) -> None:
        for id, nodes in workflows.items():
            body = {"id": id, "definition": {"nodes": nodes}}
            made = self.ask("POST", f"{API}/workflows", json=body)
            assert made.status_code == 201, (id, made.text)

    def execute(self, id: str, **options: Any) -> dict[str, Any]:
        answer = self.ask("POST", f"{API}/workflows/{id}/execute", json=options)
        assert answer.is_success, (id, answer.text)
        return dict(answer.json())

    def watch(self, run_id: str) -> None:
        """Read a run in every way that there is."""
        for path in (
            "",
            "/logs",
            "/history",
            "/state",
            "/events",
            "/debug/state",
            "/debug/variables",
        ):
            self.ask("GET", f"{API}/runs/{run_id}{path}")
        address = str(self.api.base_url).replace("http", "ws", 1)
        with connect(f"{address}{API}/runs/{run_id}/ws") as socket, suppress(Exception):
            while True:
                self.texts[f"{len(self.texts)} ws {run_id}"] = str(socket.recv(timeout=10))


def processes_of(process: Process) -> Iterator[tuple[str, bytes]]:
    """Yield command line and environment of a process and of all that it started."""
    todo = [process.pid]
    while todo:
        pid = todo.pop()
        for name in ("cmdline", "environ"):
            with suppress(OSError):
                yield f"/proc/{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                todo += [int(each) for each in children.read_text().split()]


def run_all(api: Watched, ids: list[str]) -> list[str]:
    """Run workflows to their end; return the ids of the runs."""
    runs: list[str] = []
    for id in ids:
        run = api.execute(id)
        if run["status"] == "waiting":
            [asked] = api.ask("GET", f"{API}/interrupts?run_id={run['id']}").json()
            api.ask("POST", f"{API}/interrupts/{asked['id']}/answer", json={"answer": "approve"})
            ended(api.api, run["id"])
        runs.append(run["id"])
    return runs


def test_a_secret_is_nowhere_but_in_the_requests_that_needed_it(
    tmp_path: Path, database: dict[str, str]
) -> None:
    outside, data = Outside(), tmp_path / "d"
    with serving_here(outside.answer) as server:
        models = {
            "refusing": {
                "model": "openai/gpt-4",
                "api_base": f"{server.url}/v1",
                "api_key": "sk-none-0123456789",
            }
        }
        (tmp_path / "models.json").write_text(json.dumps(models))
        environment = {
            **database,
            "FLOWC_SEALING_KEYS": new_sealing_key(),
            "FLOWC_MODELS_FILE": str(tmp_path / "models.json"),
            "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{server.port}",
            "FLOWC_CIRCUIT_THRESHOLD": "1000",
            "FLOWC_OTLP_ENDPOINT": f"{server.url}/traces",
            "FLOWC_RECORD_PROMPTS": "true",
            "FLOWC_MODEL_OBSERVERS": "posthog,langfuse",
            "POSTHOG_API_KEY": "phc_test",
            "POSTHOG_API_URL": server.url,
            "LANGFUSE_PUBLIC_KEY": "pk-test",
            "LANGFUSE_SECRET_KEY": "sk-lf-test",
            "LANGFUSE_HOST": server.url,
        }
        workflows = scenarios(server.url)
        scan, found = Scan(CANARY, SIGNING.removeprefix("whsec_")), list[Leak]()
        texts: dict[str, str] = {}
        with serving(data, environment) as (client, process):
            api = Watched(client)
            _prepare(api, server, workflows)
            plain = [id for id in workflows if id not in {"crash", "cancel"}]
            runs = run_all(api, [*plain, "cached"])
            runs.append(_cancelled(api))
            for id in runs:
                api.watch(id)
            crashed = api.execute("crash", wait=False)["id"]
            until(lambda: "node.completed" in client.get(f"{API}/runs/{crashed}/logs").text)
            for place, content in processes_of(process):
                found += scan.text(place, content.decode("utf-8", "replace"))
            texts |= api.texts
            process.kill()
            process.wait()
        found += scan.files(data)
        outside.go.set()
        with serving(data, environment) as (client, _):
            api = Watched(client)
            assert ended(client, crashed)["status"] == "completed"
            runs.append(crashed)
            _read_everything(api, [*runs])
            ends = {(run := run_of(client, id))["workflow_id"]: run["error"] for id in runs}
            texts |= {f"after: {place}": text for place, text in api.texts.items()}
            texts |= _exported(client, workflows)
        kept = [request for request in server.requests if request.path in _KEEPERS]
        for request in kept:
            found += scan.text(request.path, request.body.decode("latin-1"))
        for place, text in texts.items():
            found += scan.text(place, text)
        urls = (
            [database["FLOWC_DATABASE_URL"]]
            if database
            else [f"sqlite:///{each}" for each in data.rglob("*.db")]
        )
        for url in urls:
            found += scan.database(url)
        found += scan.files(data, tmp_path / "d.log")
    # The secret was there: in most requests as it is, in others encoded, and in the answers.
    assert outside.seen > len(workflows) * 3 // 4
    assert outside.asked >= 3
    assert any("[secret]" in text for text in texts.values())
    assert {request.path for request in kept} == set(_KEEPERS)
    assert {id: error["code"] for id, error in ends.items() if error is not None} == ENDS
    assert set(ends) == set(workflows)
    assert found == [], f"{len(found)} leaks: {found[:20]}"
    print(f"leak scan: {len(runs)} runs, {outside.seen} requests with the secret, {scan.counts}")


def _prepare(api: Watched, server: Server, workflows: Mapping[str, Any]) -> None:
    for name, value, hosts in (
        ("canary", CANARY, []),
        ("bound", CANARY, ["api.a.test"]),
        ("signing", SIGNING, []),
    ):
        body = {"value": value, "hosts": hosts}
        assert api.ask("PUT", f"{API}/secrets/{name}", json=body).status_code == 200
    # Refused, and not repeated.
    for body in (
        {"value": [CANARY]},
        {"value": CANARY, "hosts": ["/"]},
        {"value": CANARY, CANARY: 1},
    ):
        assert api.ask("PUT", f"{API}/secrets/canary", json=body).status_code == 422
    api.store(workflows)
    hook = {
        "url": f"{server.url}/hook",
        "events": ["run.completed", "run.failed"],
        "secret": "signing",
    }
    assert api.ask("POST", f"{API}/subscriptions", json=hook).is_success


def _cancelled(api: Watched) -> str:
    run = api.execute("cancel", wait=False)
    until(lambda: "node.completed" in api.api.get(f"{API}/runs/{run['id']}/logs").text)
    api.ask("POST", f"{API}/runs/{run['id']}/cancel", json={"reason": "enough"})
    assert ended(api.api, run["id"])["status"] == "cancelled"
    return str(run["id"])


def _read_everything(api: Watched, runs: list[str]) -> None:
    for id in runs:
        api.watch(id)
        assert run_of(api.api, id)["status"] in {"completed", "failed", "cancelled"}
    for path in (
        "secrets",
        "audit",
        "runs",
        "workflows",
        "interrupts",
        "webhooks",
        "subscriptions",
        "openapi.json",
        "keys",
        "jobs",
        "analytics/workflows",
        "analytics/jobs",
        "workflows/analytics/performance",
        "workflows/analytics/cost",
    ):
        assert api.ask("GET", f"{API}/{path}").is_success, path
    for path in ("/health", "/ping", "/metrics"):
        api.ask("GET", path)
    replayed = api.ask("POST", f"{API}/runs/{runs[0]}/replay", json={"from_node": "b"})
    assert replayed.is_success, replayed.text
    ended(api.api, replayed.json()["id"])
    assert api.ask("POST", f"{API}/secrets/rotate").is_success


def _exported(client: httpx.Client, workflows: Mapping[str, Any]) -> dict[str, str]:
    """Return what commands print of the workflows and runs."""
    found: dict[str, str] = {}
    address = str(client.base_url)
    for arguments in (("runs", "list"), ("secrets", "list"), ("secrets", "list", "--json")):
        done = flowc_here(*arguments, FLOWC_SERVER_URL=address)
        found[" ".join(arguments)] = done.stdout + done.stderr
    return found


def test_what_is_planted_is_found_and_nothing_else(tmp_path: Path) -> None:
    forms, file = planted(CANARY), tmp_path / "d.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table notes (id integer primary key, note blob, other text)")
        for number in range(50):
            noise = random.choice(
                [
                    random.randbytes(200),
                    base64.b64encode(random.randbytes(90)).decode(),
                    json.dumps({"n": number}),
                ]
            )
            connection.execute(
                "insert into notes (note, other) values (?, ?)",
                (noise, "".join(random.choices(_LETTERS, k=32))),
            )
        for content in forms.values():
            connection.execute("insert into notes (note, other) values (?, 'planted')", (content,))
        connection.commit()
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("plain", "gzip in other bytes", "utf-16", "base64 of zlib"):
        (folder / name.replace(" ", "-")).write_bytes(random.randbytes(40) + forms[name] + b"\n")
        (folder / f"{name.replace(' ', '-')}.clean").write_bytes(random.randbytes(5_000))
    scan = Scan(CANARY)
    rows = scan.database(f"sqlite:///{file}")
    assert len(forms) >= 7
    # Each row is found, some of them in more than one way.
    assert {leak.place for leak in rows} == {"notes.note"}
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("delete from notes where other = 'planted'")
        connection.commit()
    for content in forms.values():
        assert scan._search("planted", content) != []
    assert Scan(CANARY).database(f"sqlite:///{file}") == []
    assert {Path(leak.place).name for leak in scan.files(folder)} == {
        "plain",
        "gzip-in-other-bytes",
        "utf-16",
        "base64-of-zlib",
    }
