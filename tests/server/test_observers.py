"""Langfuse, PostHog and a collector of spans get runs and calls of models, beside each other.

Prompts and answers are among what they get only on request.
"""

import json
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.collectors import SOON, Span, accepted, named, path_of, spans_at, trace_at
from fakes.command import flowc
from fakes.loopback import Server, completion
from fakes.loopback import serving as loopback
from fakes.processes import serving, until
from fakes.runs_api import API, begin, human

PROMPT, ANSWER, KEY = "What is the pass phrase?", "Swordfish it is.", "sk-loopback-0123456789"
SECRET = "sk-lf-sesame-42"


@dataclass
class World:
    """A server that reports to all observers, with or without prompts; and its log."""

    api: httpx.Client
    posthog: Server
    langfuse: Server
    collector: Server
    records: bool
    log: Path

    def ask(self, *nodes: dict[str, Any]) -> dict[str, Any]:
        config = {"model": "m", "prompt": PROMPT, "temperature": 0.5}
        run = begin(self.api, [{"id": "ask", "type": "llm", "config": config}, *nodes])
        assert run["status"] == "completed", run["error"]
        return run

    def events(self, run_id: str, count: int) -> dict[str, dict[str, Any]]:
        """Return PostHog's events of a run by their names, once there are as many."""

        def sent() -> list[dict[str, Any]]:
            batches = [request.json["batch"] for request in self.posthog.requests]
            events = [event for batch in batches for event in batch]
            found = [e for e in events if e["properties"]["$ai_trace_id"] == run_id]
            return found if len(found) >= count else []

        return {event["event"]: event for event in until(sent)}

    def observations(self, run_id: str, *names: str) -> list[Span]:
        """Return what Langfuse has got of a run, once these are there."""
        trace_id = uuid.UUID(run_id).hex

        def sent() -> list[Span]:
            found = [span for span in spans_at(self.langfuse) if span.trace_id == trace_id]
            return found if {span.name for span in found} >= set(names) else []

        return list(until(sent))


@pytest.fixture(scope="module", params=[False, True], ids=["without prompts", "with prompts"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("observed")
    with ExitStack() as stack:
        posthog, langfuse, collector = (stack.enter_context(loopback(accepted)) for _ in range(3))
        model = stack.enter_context(loopback(lambda request: completion(ANSWER)))
        alias = {"model": "openai/gpt-4", "api_base": f"{model.url}/v1", "api_key": KEY}
        (folder / "models.json").write_text(json.dumps({"m": alias}))
        env = {
            **SOON,
            "FLOWC_MODELS_FILE": str(folder / "models.json"),
            "FLOWC_MODEL_OBSERVERS": "posthog,langfuse",
            "FLOWC_RECORD_PROMPTS": str(request.param).lower(),
            "POSTHOG_API_KEY": "phc_test",
            "POSTHOG_API_URL": posthog.url,
            "LANGFUSE_PUBLIC_KEY": "pk-test",
            "LANGFUSE_SECRET_KEY": SECRET,
            "LANGFUSE_HOST": langfuse.url,
            "FLOWC_OTLP_ENDPOINT": f"{collector.url}/v1/traces",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=only-for-the-collector",
        }
        api, _ = stack.enter_context(serving(folder / "d", env))
        log = folder / "d.log"
        yield World(api, posthog, langfuse, collector, request.param, log)


def test_posthog_receives_runs_and_calls(world: World) -> None:
    run = world.ask()
    events = world.events(run["id"], 2)
    call, whole = events["$ai_generation"], events["$ai_trace"]
    wanted = {
        "$ai_model": "gpt-4",
        "$ai_provider": "openai",
        "$ai_input_tokens": 7,
        "$ai_output_tokens": 3,
        "$ai_span_name": "ask",
        "$ai_is_error": False,
        "node_id": "ask",
    }
    assert wanted.items() <= call["properties"].items()
    assert call["properties"]["$ai_latency"] > 0
    ended = {"$ai_span_name": "inline", "$ai_is_error": False, "status": "completed"}
    assert ended.items() <= whole["properties"].items()
    assert {request.path for request in world.posthog.requests} == {"/batch/"}
    bodies = [request.json for request in world.posthog.requests]
    assert {body["api_key"] for body in bodies} == {"phc_test"}
    text = json.dumps(bodies)
    assert (PROMPT in text, ANSWER in text, KEY in text) == (world.records, world.records, False)
    if world.records:
        assert call["properties"]["$ai_input"] == [{"role": "user", "content": PROMPT}]
        assert whole["properties"]["$ai_output_state"]["text"] == ANSWER


def test_posthog_receives_how_runs_ended_also_while_they_waited(world: World) -> None:
    nodes = [{"id": "stop", "type": "fail", "config": {"message": "no"}}]
    failed = begin(world.api, nodes)
    properties = world.events(failed["id"], 1)["$ai_trace"]["properties"]
    code = failed["error"]["code"]
    assert (properties["$ai_is_error"], properties["$ai_error"]) == (True, code)
    waiting = begin(world.api, [human("ok")])
    assert world.api.post(f"{API}/runs/{waiting['id']}/cancel").is_success
    properties = world.events(waiting["id"], 1)["$ai_trace"]["properties"]
    assert (properties["$ai_is_error"], properties["status"]) == (False, "cancelled")


def test_langfuse_receives_a_trace_of_each_run_beside_a_collector(world: World) -> None:
    say = {"id": "say", "type": "template", "config": {"template": "So."}, "depends_on": ["ask"]}
    run = world.ask(say)
    names = ("invoke_workflow", "llm ask", "chat gpt-4", "template say")
    found = world.observations(run["id"], *names)
    outermost, call = named(found, "invoke_workflow"), named(found, "chat gpt-4")
    assert outermost.parent_id == ""
    assert path_of(found, call) == ["invoke_workflow", "llm ask", "chat gpt-4"]
    assert path_of(found, named(found, "template say")) == ["invoke_workflow", "template say"]
    types = {span.name: span.of("langfuse.observation.type") for span in found}
    assert types == {
        "invoke_workflow": "chain",
        "llm ask": "span",
        "chat gpt-4": "generation",
        "template say": "span",
    }
    assert {span.of("langfuse.trace.metadata.run_id") for span in found} == {run["id"]}
    assert outermost.of("langfuse.trace.name") == "inline"
    output = outermost.of("langfuse.trace.output")
    assert json.loads(output)["text"] == "So." if world.records else output is None
    _require_langfuse_requests(world)
    spans = trace_at(world.collector, run["id"], "POST /api/v1/workflows/execute", *names)
    assert {span.span_id for span in found} < {span.span_id for span in spans}
    assert "ended span" not in world.log.read_text()


def _require_langfuse_requests(world: World) -> None:
    authorization = f"Basic {b64encode(f'pk-test:{SECRET}'.encode()).decode()}"
    for request in world.langfuse.requests:
        assert request.path == "/api/public/otel/v1/traces"
        assert request.headers["authorization"] == authorization
        # The headers that the operator sets are for the collector.
        assert "x-collector-key" not in request.headers
    assert all("x-collector-key" in request.headers for request in world.collector.requests)
    sent = b"".join(request.body for request in world.langfuse.requests).decode(errors="replace")
    assert (PROMPT in sent, ANSWER in sent, KEY in sent) == (world.records, world.records, False)


def test_failures_are_observations_of_the_level_error(world: World) -> None:
    nodes = [{"id": "stop", "type": "fail", "config": {"message": PROMPT}}]
    run = begin(world.api, nodes)
    found = world.observations(run["id"], "invoke_workflow", "fail stop")
    for span in found:
        assert span.of("langfuse.observation.level") == "ERROR"
        assert span.of("langfuse.observation.status_message") == run["error"]["code"]


def test_spans_follow_the_conventions_of_opentelemetry(world: World) -> None:
    run = world.ask()
    call = named(trace_at(world.collector, run["id"], "chat gpt-4"), "chat gpt-4")
    wanted = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "flowc.run.id": run["id"],
        "flowc.node.id": "ask",
    }
    assert {name: call.of(name) for name in wanted} == wanted
    assert ("gen_ai.input.messages" in call.attributes) == world.records
    requests = world.collector.requests
    assert {request.path for request in requests} == {"/v1/traces"}
    text = b"".join(request.body for request in requests).decode(errors="replace")
    assert (PROMPT in text, ANSWER in text, KEY in text) == (world.records, world.records, False)


@pytest.mark.parametrize(
    ("observer", "missing"),
    [("posthog", "POSTHOG_API_KEY"), ("langfuse", "LANGFUSE_PUBLIC_KEY")],
)
def test_an_observer_without_its_key_is_refused_at_the_start(
    observer: str, missing: str, tmp_path: Path
) -> None:
    env = {"FLOWC_MODEL_OBSERVERS": observer, "FLOWC_DATA_DIR": str(tmp_path)}
    done = flowc("serve", "--port", "0", **env)
    assert done.returncode == 2
    assert f"FLOWC_MODEL_OBSERVERS names {observer}, which needs {missing}." in done.stderr


def test_an_observer_that_takes_nothing_holds_nothing_up(tmp_path: Path) -> None:
    with loopback(lambda request: completion("no")) as down:
        port = down.port
    env = {
        **SOON,
        "FLOWC_MODEL_OBSERVERS": "posthog,langfuse",
        "POSTHOG_API_KEY": "phc_test",
        "POSTHOG_API_URL": f"http://127.0.0.1:{port}",
        "LANGFUSE_PUBLIC_KEY": "pk-test",
        "LANGFUSE_SECRET_KEY": SECRET,
        "LANGFUSE_HOST": f"http://127.0.0.1:{port}",
    }
    with serving(tmp_path / "d", env) as (api, _):
        nodes = [{"id": "say", "type": "template", "config": {"template": "So."}}]
        assert begin(api, nodes)["status"] == "completed"
        until(lambda: "PostHog did not take" in (tmp_path / "d.log").read_text())
    text = (tmp_path / "d.log").read_text()
    assert "Langfuse did not take what was sent to it: ConnectError" in text
    assert SECRET not in text
