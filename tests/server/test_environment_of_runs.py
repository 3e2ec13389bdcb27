"""A run that is sure to fail in this environment is refused before it pays for anything."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI, UnprocessableEntityError

from fakes.command import flowc_here
from fakes.environments import furnish
from fakes.loopback import Reply, Request, Server, completion
from fakes.loopback import serving as answering
from fakes.processes import serving, until
from fakes.runs_api import API

KEYLESS = {"OPENAI_API_KEY": ""}
KNOWLEDGE = f"{API}/knowledge"


@dataclass(frozen=True)
class Place:
    """A server, the model server that it calls, and the folder of both."""

    api: httpx.Client
    models: Server
    folder: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")

    def answer(request: Request) -> Reply:
        return completion("Hello")

    with answering(answer) as models:
        variables = furnish(folder, models.url, handbook="offline/wordllama")
        allowed = {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{models.port}"}
        with serving(folder / "data", {**variables, **allowed, **KEYLESS}) as (api, _):
            yield Place(api, models, folder)


def node(id: str, kind: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": kind, "depends_on": list(after), "config": config}


def ask(id: str = "ask", *after: str, **config: Any) -> dict[str, Any]:
    return node(id, "llm", *after, **{"model": "small", "prompt": "Hello", **config})


def call(id: str = "call", *after: str, url: str = "http://10.0.0.1/", **config: Any) -> Any:
    return node(id, "http", *after, url=url, **config)


def keyed(name: str, *after: str, **more: Any) -> dict[str, Any]:
    return call(
        "call", *after, url="{{input.url}}", headers={"k": f"{{{{secrets.{name}}}}}"}, **more
    )


def execute(api: httpx.Client, *nodes: Any, **given: Any) -> httpx.Response:
    return api.post(
        f"{API}/workflows/execute", json={"definition": {"nodes": list(nodes)}, "input": given}
    )


def count(api: httpx.Client) -> int:
    return int(api.get(f"{API}/runs").json()["total"])


# For each code, a node without which no run completes, and the same with what is there.
PAIRS: dict[str, tuple[Any, Any]] = {
    "unknown-model": (ask("x", "ask", model="gpt-99"), ask("x", "ask")),
    "missing-model-key": (ask("x", "ask", model="openai/gpt-4o"), ask("x", "ask", model="local")),
    "missing-secret": (keyed("none", "ask"), keyed("set", "ask")),
    "refused-address": (call("call", "ask"), keyed("from_file", "ask")),
    "file-not-allowed": (
        node("read", "read_file", "ask", path="/etc/passwd"),
        node("read", "read_file", "ask", path="handbook.md"),
    ),
    "file-not-found": (
        node("read", "read_file", "ask", path="none.md"),
        node("read", "read_file", "ask", path="handbook.md"),
    ),
    "unknown-mcp-server": (
        node("list", "mcp", "ask", server="none"),
        node("list", "mcp", "ask", url="{{input.url}}/mcp"),
    ),
    "unknown-collection": (
        node("find", "retrieve", "ask", collection="none", query="x"),
        node("find", "retrieve", "ask", collection="handbook", query="x"),
    ),
}


@pytest.mark.parametrize("code", PAIRS)
def test_a_run_that_is_sure_to_fail_is_refused_and_leaves_nothing(place: Place, code: str) -> None:
    runs, asked = count(place.api), len(place.models.requests)
    refused = execute(place.api, ask(), PAIRS[code][0])
    assert refused.status_code == 422, refused.text
    error = refused.json()["error"]
    assert error["code"] == "environment-not-ready"
    [found] = error["details"]
    assert (found["code"], found["severity"]) == (code, "error")
    assert found["pointer"].startswith("/nodes/1/config/")
    assert found["hint"]
    assert found["message"] in error["message"]
    assert (count(place.api), len(place.models.requests)) == (runs, asked)


@pytest.mark.parametrize("code", PAIRS)
def test_the_same_run_begins_with_what_is_there(place: Place, code: str) -> None:
    runs, asked = count(place.api), len(place.models.requests)
    begun = execute(place.api, ask(), PAIRS[code][1], url=place.models.url)
    assert begun.status_code == 200, begun.text
    assert count(place.api) == runs + 1
    assert len(place.models.requests) > asked


CHOOSE = {
    "id": "choose",
    "type": "conditional",
    "config": {"condition": "{{input.n}} > 1", "true_edge": "call", "false_edge": "end"},
}
END = {"id": "end", "type": "end"}
BODY = {"body": {"nodes": [call()]}}
# Runs that complete, although an address or a secret of theirs is missing.
COMPLETED: dict[str, list[Any]] = {
    "a branch that is not taken": [CHOOSE, {**call(), "depends_on": None}, END],
    "a node that is disabled": [ask(), {**call("call", "ask"), "disabled": True}],
    "a failure with a default": [{**call(), "on_error": "continue"}],
    "a failure with a way on": [{**call(), "on_error": {"goto": "end"}}, END],
    "a map without items": [node("each", "map", items="{{input.items|default([])}}", **BODY)],
    "a map that skips failures": [node("each", "map", items=[1], on_error="skip", **BODY)],
    "a loop without turns": [node("turns", "loop", **{"while": "false", **BODY})],
    "a tool that is not called": [
        node("help", "agent", model="small", prompt="Hello", tools=[{**call(), "description": "x"}])
    ],
    "a secret with a default": [
        call(url="{{input.url}}", headers={"k": "{{secrets.none|default('x')}}"})
    ],
    "a secret that is not read": [
        call(url="{{input.url}}", headers={"k": "{{secrets.none if input.n > 1 else 'x'}}"})
    ],
    "a fallback that is not needed": [ask(fallbacks=["openai/gpt-4o"])],
    "a model that has a fallback": [
        ask(model="openai/gpt-4o", fallbacks=["small"], fallback_on=["no-model-key"])
    ],
    "a service that needs no key": [ask(model="lost")],
    "a collection that the run creates": [
        node("put", "store", collection="made by it", source="a", chunks=[{"text": "A."}]),
        node("find", "retrieve", "put", collection="made by it", query="A"),
    ],
    "documents that are searched by words": [
        node("find", "retrieve", collection="handbook", query="x", mode="keyword")
    ],
}


@pytest.mark.parametrize("what", COMPLETED)
def test_a_run_that_may_do_without_is_not_refused(place: Place, what: str) -> None:
    done = execute(place.api, *COMPLETED[what], url=place.models.url, n=1)
    assert done.status_code == 200, done.text
    assert done.json()["status"] == "completed", done.json()["error"]


REFUSED: dict[str, list[Any]] = {
    "an address after a person": [node("ok", "human"), call("call", "ok")],
    "both branches": [
        CHOOSE,
        {**call(), "depends_on": None},
        {**call("end", url="http://10.0.0.1/2"), "depends_on": None},
        {**call("last", "call", "end", url="http://10.0.0.2/")},
    ],
    "a map with items": [node("each", "map", items=[1], **BODY)],
    "a loop with turns": [node("turns", "loop", for_each=[1, 2], **BODY)],
    "a workflow in a workflow": [node("inner", "subworkflow", workflow={"nodes": [call()]})],
    "a node with retries": [{**call(), "retry": {"max_attempts": 3}}],
    "a file that nothing before it can create": [
        node("read", "read_file", path="none.md"),
        ask("ask", "read"),
        call("call", "ask", url="https://api.example.com/"),
    ],
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_run_that_needs_it_in_any_case_is_refused(place: Place, what: str) -> None:
    refused = execute(place.api, *REFUSED[what], n=1)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "environment-not-ready")


def test_what_an_earlier_node_may_create_is_not_refused(place: Place) -> None:
    nodes = [
        call("make", url="{{input.url}}"),
        node("read", "read_file", "make", path="none.md"),
        ask("ask", "read"),
    ]
    done = execute(place.api, *nodes, url=place.models.url)
    assert done.json()["error"]["code"] == "no-such-document"


def test_storing_a_workflow_warns_of_what_is_missing(place: Place) -> None:
    api = place.api
    unused = node("unused", "template", "ask", template="x")
    definition = {"nodes": [ask(), call("call", "ask"), unused, node("e", "end", "call")]}
    created = api.post(f"{API}/workflows", json={"id": "warned", "definition": definition})
    assert created.status_code == 201
    warnings = {each["code"]: each for each in created.json()["warnings"]}
    assert set(warnings) == {"unused-node", "refused-address"}
    found = warnings["refused-address"]
    assert (found["severity"], found["pointer"]) == ("warning", "/nodes/1/config/url")
    assert found["hint"] == "export FLOWC_EGRESS_ALLOW=10.0.0.1:80"
    replaced = api.put(f"{API}/workflows/warned", json={"nodes": [ask()]})
    assert (replaced.status_code, replaced.json()["warnings"]) == (200, [])
    assert "warnings" not in api.get(f"{API}/workflows/warned").json()


def test_pushing_a_file_shows_the_warnings_with_their_lines(place: Place) -> None:
    file = place.folder / "pushed.yaml"
    file.write_text("nodes:\n  - {id: call, type: http, config: {url: 'http://10.0.0.1/'}}\n")
    done = flowc_here("push", file, FLOWC_SERVER_URL=str(place.api.base_url))
    assert (done.returncode, done.stdout) == (0, f"{file}: pushed, version 1\n")
    assert f"{file}:2:42: warning[refused-address]: " in done.stderr
    shown = flowc_here("push", "--json", file, FLOWC_SERVER_URL=str(place.api.base_url))
    [pushed] = json.loads(shown.stdout)
    assert [each["code"] for each in pushed["diagnostics"]] == ["refused-address"]


TALK: dict[str, Any] = {"input": {"message": "string"}, "nodes": [call(url="http://10.0.0.1/talk")]}


@pytest.fixture(scope="module")
def talk(place: Place) -> str:
    body = {"id": "talk", "definition": TALK}
    place.api.post(f"{API}/workflows", json=body).raise_for_status()
    return "talk"


def test_a_chat_is_refused_too(place: Place, talk: str) -> None:
    before = count(place.api)
    refused = place.api.post(f"{API}/workflows/{talk}/chat", json={"message": "Hi"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "environment-not-ready")
    client = OpenAI(base_url=f"{place.api.base_url}/v1", api_key="none", max_retries=0)
    with pytest.raises(UnprocessableEntityError, match="is not allowed"), client:
        client.chat.completions.create(model=talk, messages=[{"role": "user", "content": "Hi"}])
    assert count(place.api) == before


async def test_a_call_over_mcp_says_what_is_missing(place: Place, talk: str) -> None:
    from mcp import Client

    async with Client(f"{place.api.base_url}/mcp") as client:
        result = await client.call_tool(talk, {"message": "Hi"})
    assert result.is_error
    assert "cannot run in this environment: A connection to '10.0.0.1'" in str(result.content)


def test_a_schedule_starts_no_run_and_continues(place: Place, talk: str) -> None:
    api, before = place.api, count(place.api)
    body = {"id": "daily", "workflow_id": talk, "cron": "0 0 1 1 *", "input": {"message": "Hi"}}
    api.post(f"{API}/schedules", json=body).raise_for_status()
    api.post(f"{API}/schedules/daily/trigger").raise_for_status()
    log = place.folder / "data.log"
    until(lambda: "The schedule daily started no run" in log.read_text())
    assert count(api) == before
    assert [each["id"] for each in api.get(f"{API}/schedules").json()] == ["daily"]


def test_a_deleted_collection_is_missed_and_a_repeated_request_gets_its_run(place: Place) -> None:
    api = place.api
    api.post(f"{KNOWLEDGE}/collections", json={"name": "passing"}).raise_for_status()
    find = node("find", "retrieve", collection="passing", query="x")
    body = {"definition": {"nodes": [find]}}
    url, key = f"{API}/workflows/execute", {"idempotency-key": "once"}
    first = api.post(url, json=body, headers=key)
    assert first.json()["status"] == "completed"
    assert api.delete(f"{KNOWLEDGE}/collections/passing").status_code == 204
    assert api.post(url, json=body).status_code == 422
    again = api.post(url, json=body, headers=key)
    assert again.json()["id"] == first.json()["id"]
    api.post(f"{KNOWLEDGE}/collections", json={"name": "passing"}).raise_for_status()
    assert api.post(url, json=body).json()["status"] == "completed"


def test_a_process_that_works_on_no_runs_refuses_none(
    postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from fakes.processes import new_database

    data = tmp_path_factory.mktemp("elsewhere") / "d"
    with serving(data, new_database(postgres), "--no-worker") as (api, _):
        created = api.post(f"{API}/workflows", json={"id": "w", "definition": {"nodes": [call()]}})
        assert created.json()["warnings"] == []
        begun = api.post(f"{API}/workflows/w/execute", json={"wait": False})
        assert (begun.status_code, begun.json()["status"]) == (200, "pending")
