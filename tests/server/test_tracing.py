"""A run is one trace: from the request through the queue, nodes and attempts to what they call."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.collectors import SOON, Span, accepted, named, path_of, spans_at, trace_at
from fakes.loopback import Reply, Request, Server, calls, completion, reply_json
from fakes.loopback import serving as loopback
from fakes.places import TESTS
from fakes.processes import PATIENCE, Process, new_database, serving, start, until
from fakes.runs_api import API, asked, begin, ended, human, pause, run_of

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = {
    "traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01",
    "tracestate": "vendor=theirs",
}


class Outside:
    """A service and a model on loopback, whose requests are recorded."""

    def __init__(self) -> None:
        self.failures = 0

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/v1/chat"):
            messages = request.json["messages"]
            if request.json.get("tools") and messages[-1]["role"] != "tool":
                return calls(("fetch", {"city": "Rome"}))
            return completion("Sunny.")
        if request.path == "/flaky" and self.failures:
            self.failures -= 1
            return reply_json({}, 503)
        return reply_json({"ok": True})


@dataclass
class World:
    """A server, what it sends spans to, and what its workflows call."""

    api: httpx.Client
    collector: Server
    service: Server
    outside: Outside
    env: dict[str, str]
    folder: Path

    def sent(self, path: str) -> list[Request]:
        return [each for each in self.service.requests if each.path == path]


@contextmanager
def world(
    folder: Path, more: dict[str, str] | None = None, *options: str, is_on: bool = True
) -> Iterator[World]:
    with ExitStack() as stack:
        collector, outside = stack.enter_context(loopback(accepted)), Outside()
        service = stack.enter_context(loopback(outside.answer))
        alias = {
            "model": "openai/gpt-4",
            "api_base": f"{service.url}/v1",
            "api_key": "sk-loopback-0123456789",
        }
        (folder / "models.json").write_text(json.dumps({"m": alias}))
        command = {"command": sys.executable, "args": [str(TESTS / "fakes" / "mcp_stdio.py")]}
        (folder / "mcp.json").write_text(json.dumps({"shop": command}))
        tracing = {"FLOWC_OTLP_ENDPOINT": f"{collector.url}/v1/traces"} if is_on else {}
        env = {
            **SOON,
            **tracing,
            "FLOWC_MODELS_FILE": str(folder / "models.json"),
            "FLOWC_MCP_FILE": str(folder / "mcp.json"),
            "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}",
            "FLOWC_TAKEOVER_SECONDS": "1",
            **(more or {}),
        }
        api, _ = stack.enter_context(serving(folder / "d", env, *options))
        yield World(api, collector, service, outside, env, folder)


def http(id: str, url: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "http", "depends_on": list(after), "config": {"url": url}, **more}


def parts(header: str) -> tuple[str, str]:
    """Return the ids of the trace and the span in a `traceparent`."""
    _, trace_id, span_id, _ = header.split("-")
    return trace_id, span_id


def everything(service: str) -> list[dict[str, Any]]:
    """Return nodes of all kinds that call something, and one that is tried again."""
    again = {"max_attempts": 3, "initial_delay": 0.01, "jitter": False}
    tool = {**http("fetch", f"{service}/weather"), "description": "The weather in a city."}
    tool["config"]["query"] = {"city": "{{arguments.city}}"}
    return [
        http("call", f"{service}/flaky", retry=again),
        {
            "id": "ask",
            "type": "llm",
            "config": {"model": "m", "prompt": "Hi"},
            "depends_on": ["call"],
        },
        {
            "id": "helper",
            "type": "agent",
            "depends_on": ["ask"],
            "config": {"model": "m", "prompt": "Weather?", "tools": [tool]},
        },
        {
            "id": "price",
            "type": "mcp",
            "depends_on": ["helper"],
            "config": {"server": "shop", "tool": "price", "arguments": {"item": "cup"}},
        },
    ]


@contextmanager
def working(world: World, name: str) -> Iterator[Process]:
    """Run a worker until the block ends, in which it sends the spans that are left."""
    process = start(world.folder / name, ["worker"], world.env)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def test_one_trace_leads_from_the_request_to_all_calls_in_another_process(
    tmp_path: Path, postgres: str
) -> None:
    with (
        world(tmp_path, new_database(postgres), "--no-worker") as found,
        working(found, "w"),
    ):
        found.outside.failures = 1
        body = {"id": "trip", "definition": {"nodes": everything(found.service.url)}}
        assert found.api.post(f"{API}/workflows", json=body).is_success
        url = f"{API}/workflows/trip/execute"
        answer = found.api.post(url, json={"wait": False}, headers=CALLER)
        run = ended(found.api, answer.json()["id"])
        assert run["status"] == "completed", run["error"]
        request = "POST /api/v1/workflows/{workflow_id}/execute"
        spans = trace_at(found.collector, run["id"], request, "invoke_workflow trip")
    assert {span.trace_id for span in spans} == {TRACE_ID}
    assert named(spans, request).parent_id == "b7ad6b7169203331"
    assert path_of(spans, named(spans, "queued")) == [request, "queued"]
    outermost = [request, "invoke_workflow trip"]
    agent = [*outermost, "invoke_agent helper"]
    assert path_of(spans, named(spans, "attempt 2")) == [*outermost, "http call", "attempt 2"]
    assert path_of(spans, named(spans, "execute_tool fetch")) == [*agent, "execute_tool fetch"]
    chats = [path_of(spans, span)[:-1] for span in spans if span.name == "chat gpt-4"]
    assert sorted(chats) == sorted([[*outermost, "llm ask"], agent, agent])
    _require_run(named(spans, "invoke_workflow trip"), run["id"])
    _require_nodes(spans)
    _require_calls(found, spans)


def _require_nodes(spans: list[Span]) -> None:
    tool = named(spans, "execute_tool fetch")
    assert tool.of("gen_ai.operation.name") == "execute_tool"
    assert tool.of("gen_ai.tool.name") == "fetch"
    first, second = named(spans, "attempt 1"), named(spans, "attempt 2")
    assert (first.is_error, first.of("error.type")) == (True, "http-status")
    assert (second.is_error, second.of("flowc.attempt")) == (False, 2)
    assert named(spans, "http call").of("flowc.attempts") == 2


def _require_run(span: Span, run_id: str) -> None:
    wanted = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "trip",
        "flowc.run.id": run_id,
        "flowc.workflow.id": "trip",
        "flowc.tenant": "default",
        "flowc.attempt": 1,
        "flowc.segment": 0,
        "flowc.run.status": "completed",
    }
    assert {name: span.of(name) for name in wanted} == wanted


def _require_calls(found: World, spans: list[Span]) -> None:
    """Check that each request of a node names the trace, and the span that it was sent in."""
    by_id = {span.span_id: span.name for span in spans}
    sent_in: dict[str, set[str]] = {}
    for request in found.service.requests:
        trace_id, span_id = parts(request.headers["traceparent"])
        assert (trace_id, request.headers["tracestate"]) == (TRACE_ID, "vendor=theirs")
        sent_in.setdefault(request.path.partition("?")[0], set()).add(by_id[span_id])
    assert sent_in == {
        "/flaky": {"attempt 1", "attempt 2"},
        "/weather": {"execute_tool fetch"},
        "/v1/chat/completions": {"chat gpt-4"},
    }
    # The MCP library sends the trace in the message, and has a span of its own.
    mcp = [
        span for span in spans if span.of("flowc.node.id") == "price" and "tools/call" in span.name
    ]
    assert [path_of(spans, span)[-2] for span in mcp] == ["mcp price"]


def test_a_run_that_waits_has_no_span_until_it_continues_in_another_process(
    tmp_path: Path, postgres: str
) -> None:
    with world(tmp_path, new_database(postgres), "--no-worker") as found:
        nodes = [human("ok"), http("call", f"{found.service.url}/after", "ok")]
        with working(found, "w1"):
            id = begin(found.api, nodes, wait=False)["id"]
            spans = trace_at(found.collector, id, "invoke_workflow")
            assert named(spans, "invoke_workflow").of("flowc.run.status") == "waiting"
            assert named(spans, "human ok").of("flowc.node.status") == "waiting"
        with working(found, "w2"):
            answer(found.api, id)
            assert ended(found.api, id)["status"] == "completed"
            spans = trace_at(found.collector, id, *["invoke_workflow"] * 2)
    assert len({span.trace_id for span in spans}) == 1
    stretches = [span for span in spans if span.name == "invoke_workflow"]
    assert [span.of("flowc.run.status") for span in stretches] == ["waiting", "completed"]
    assert {span.parent_id for span in stretches} == {
        named(spans, "POST /api/v1/workflows/execute").span_id
    }
    [request] = found.sent("/after")
    wanted = (spans[0].trace_id, named(spans, "http call").span_id)
    assert parts(request.headers["traceparent"]) == wanted


def answer(api: httpx.Client, run_id: str) -> None:
    [question] = asked(api, run_id)
    url = f"{API}/interrupts/{question['id']}/answer"
    assert api.post(url, json={"answer": "approve"}).is_success


def test_a_run_that_is_taken_over_continues_in_its_trace(tmp_path: Path, postgres: str) -> None:
    with world(tmp_path, new_database(postgres), "--no-worker") as found:
        nodes = [*(pause(f"n{i}", *([f"n{i - 1}"] if i else []), seconds=0.9) for i in range(3))]
        nodes.append(http("call", f"{found.service.url}/after", "n2"))
        with working(found, "w1") as first:
            until(lambda: "ready" in (tmp_path / "w1.log").read_text())
            body = {"definition": {"nodes": nodes}, "wait": False}
            reply = found.api.post(f"{API}/workflows/execute", json=body, headers=CALLER)
            id = reply.json()["id"]
            until(lambda: run_of(found.api, id)["status"] == "running")
            first.kill()
        with working(found, "w2"):
            assert ended(found.api, id)["status"] == "completed"
            spans = trace_at(found.collector, id, "invoke_workflow", "http call")
    assert {span.trace_id for span in spans} == {TRACE_ID}
    assert named(spans, "invoke_workflow").of("flowc.attempt") == 2
    [request] = found.sent("/after")
    wanted = (TRACE_ID, named(spans, "http call").span_id)
    assert parts(request.headers["traceparent"]) == wanted
    assert request.headers["tracestate"] == "vendor=theirs"


def test_without_tracing_a_callers_trace_still_continues_through_a_run(
    tmp_path: Path, database: dict[str, str]
) -> None:
    with world(tmp_path, database, is_on=False) as found:
        nodes = [human("ok"), http("call", f"{found.service.url}/after", "ok")]
        nodes.append(
            {
                "id": "ask",
                "type": "llm",
                "config": {"model": "m", "prompt": "Hi"},
                "depends_on": ["call"],
            }
        )
        body = {"definition": {"nodes": nodes}}
        reply = found.api.post(f"{API}/workflows/execute", json=body, headers=CALLER)
        answer(found.api, reply.json()["id"])
        assert ended(found.api, reply.json()["id"])["status"] == "completed"
        begin(found.api, [http("call", f"{found.service.url}/other")])
        assert spans_at(found.collector) == []
    for path in ("/after", "/v1/chat/completions"):
        [request] = found.sent(path)
        assert {name: request.headers[name] for name in CALLER} == CALLER
    [request] = found.sent("/other")
    assert "traceparent" not in request.headers


def test_calls_of_other_servers_over_mcp_are_in_the_trace(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "this").mkdir()
    say = {"id": "say", "type": "template", "config": {"template": "Hello."}}
    with world(tmp_path / "other") as other:
        body = {"id": "greet", "definition": {"nodes": [say]}}
        assert other.api.post(f"{API}/workflows", json=body).is_success
        endpoint = {
            "FLOWC_OTLP_ENDPOINT": other.env["FLOWC_OTLP_ENDPOINT"],
            "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{other.api.base_url.port}",
        }
        with world(tmp_path / "this", endpoint) as found:
            config = {"url": f"{other.api.base_url}/mcp", "tool": "greet"}
            run = begin(found.api, [{"id": "call", "type": "mcp", "config": config}])
            assert run["status"] == "completed", run["error"]
        spans = trace_at(other.collector, run["id"], "invoke_workflow greet")
    way = path_of(spans, named(spans, "template say"))
    assert way[:3] == ["POST /api/v1/workflows/execute", "invoke_workflow", "mcp call"]
    assert way[-2:] == ["invoke_workflow greet", "template say"]


def test_what_no_request_starts_begins_a_trace_of_its_own(tmp_path: Path) -> None:
    with world(tmp_path) as found:
        nodes = [http("call", f"{found.service.url}/timely")]
        body = {"id": "timely", "definition": {"nodes": nodes}}
        assert found.api.post(f"{API}/workflows", json=body).is_success
        schedule = {"id": "s", "workflow_id": "timely", "cron": "0 0 1 1 *"}
        assert found.api.post(f"{API}/schedules", json=schedule).is_success
        assert found.api.post(f"{API}/schedules/s/trigger").is_success
        [run] = until(lambda: found.api.get(f"{API}/runs").json()["items"])
        spans = trace_at(found.collector, run["id"], "invoke_workflow timely", "start_run timely")
    call = named(spans, "http call")
    assert path_of(spans, call) == ["start_run timely", "invoke_workflow timely", "http call"]
    [request] = found.sent("/timely")
    assert parts(request.headers["traceparent"]) == (call.trace_id, call.span_id)


def test_a_node_that_fails_sets_the_status_of_its_span_without_what_it_was_given(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as found:
        nodes = [{"id": "stop", "type": "fail", "config": {"message": "{{input.text}}"}}]
        run = begin(found.api, nodes, input={"text": "sesame-canary"})
        code = run["error"]["code"]
        spans = trace_at(found.collector, run["id"], "invoke_workflow", "fail stop")
        for name in ("invoke_workflow", "fail stop"):
            span = named(spans, name)
            assert (span.is_error, span.message, span.of("error.type")) == (True, code, code)
        bodies = b"".join(request.body for request in found.collector.requests)
        assert b"sesame-canary" not in bodies


@pytest.mark.parametrize("records", ["false", "true"])
def test_inputs_and_outputs_are_in_spans_only_on_request(records: str, tmp_path: Path) -> None:
    with world(tmp_path, {"FLOWC_RECORD_PROMPTS": records}) as found:
        nodes = [{"id": "say", "type": "template", "config": {"template": "Hi {{input.name}}"}}]
        run = begin(found.api, nodes, input={"name": "Ada"})
        spans = trace_at(found.collector, run["id"], "invoke_workflow", "template say")
    texts = [span.of(f"flowc.{what}") for span in spans for what in ("input", "output")]
    assert any("Ada" in (text or "") for text in texts) == (records == "true")


def test_a_conversation_and_a_workflow_within_a_workflow_are_named(tmp_path: Path) -> None:
    with world(tmp_path) as found:
        say = {"id": "say", "type": "template", "config": {"template": "Hello."}}
        sub = {"id": "sub", "type": "subworkflow", "config": {"workflow": "inner"}}
        for id, node in (("inner", say), ("outer", sub)):
            body = {"id": id, "definition": {"nodes": [node]}}
            assert found.api.post(f"{API}/workflows", json=body).is_success
        reply = found.api.post(
            f"{API}/workflows/outer/chat", json={"message": "Hi", "stream": False}
        )
        assert reply.is_success, reply.text
        run_id, thread_id = reply.json()["run_id"], reply.json()["thread_id"]
        spans = trace_at(found.collector, run_id, "invoke_workflow outer")
    within = path_of(spans, named(spans, "template say"))[1:]
    assert within == ["invoke_workflow outer", "subworkflow sub", "template say"]
    of_run = [span for span in spans if span.of("flowc.run.id")]
    assert {span.of("gen_ai.conversation.id") for span in of_run} == {thread_id}


def test_lines_of_the_log_name_the_trace(tmp_path: Path) -> None:
    with world(tmp_path, {"FLOWC_LOG_FORMAT": "json"}) as found:
        nodes = [{"id": "stop", "type": "fail", "config": {"message": "no"}}]
        body = {"definition": {"nodes": nodes}}
        headers = {**CALLER, "x-request-id": "mine"}
        run = found.api.post(f"{API}/workflows/execute", json=body, headers=headers).json()

        def lines(**about: str) -> list[dict[str, Any]]:
            found = [json.loads(each) for each in (tmp_path / "d.log").read_text().splitlines()]
            return [line for line in found if about.items() <= line.items()]

        [failure] = until(lambda: lines(run=run["id"], logger="flowc.runs"))
        [access] = until(lambda: lines(logger="uvicorn.access", request="mine"))
    about = {"node": "stop", "tenant": "default", "trace_id": TRACE_ID}
    assert about.items() <= failure.items()
    assert {"tenant": "default", "trace_id": TRACE_ID}.items() <= access.items()
