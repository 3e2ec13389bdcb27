"""Model calls are reported to the observers in the settings; prompts and answers only on request."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fakes.loopback import Reply, Request, Server, completion, reply_json
from fakes.loopback import serving as loopback
from fakes.processes import serving, until
from fakes.runs_api import begin

PROMPT, ANSWER, KEY = "What is the pass phrase?", "Swordfish it is.", "sk-loopback-0123456789"


@contextmanager
def observed(folder: Path, **env: str) -> Iterator[httpx.Client]:
    """Start a server with a model `m` that always gives the same answer."""
    with loopback(lambda request: completion(ANSWER)) as model:
        alias = {"model": "openai/gpt-4", "api_base": f"{model.url}/v1", "api_key": KEY}
        (folder / "models.json").write_text(json.dumps({"m": alias}))
        own = {"FLOWC_MODELS_FILE": str(folder / "models.json"), **env}
        with serving(folder / "d", own) as (api, _):
            yield api


def ask(api: httpx.Client) -> dict[str, Any]:
    config = {"model": "m", "prompt": PROMPT, "temperature": 0.5}
    run = begin(api, [{"id": "ask", "type": "llm", "config": config}])
    assert run["status"] == "completed", run["error"]
    return run


def accepted(request: Request) -> Reply:
    return reply_json({"status": 1})


@dataclass
class World:
    """A server that reports to PostHog and to a collector of spans, with or without prompts."""

    api: httpx.Client
    posthog: Server
    collector: Server
    records: bool


@pytest.fixture(scope="module", params=["false", "true"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with ExitStack() as stack:
        posthog, collector = (stack.enter_context(loopback(accepted)) for _ in range(2))
        env = {
            "FLOWC_MODEL_OBSERVERS": "posthog",
            "FLOWC_RECORD_PROMPTS": request.param,
            "POSTHOG_API_KEY": "phc_test",
            "POSTHOG_API_URL": posthog.url,
            "FLOWC_OTLP_ENDPOINT": f"{collector.url}/v1/traces",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        api = stack.enter_context(observed(tmp_path_factory.mktemp("observed"), **env))
        yield World(api, posthog, collector, request.param == "true")


def test_posthog_receives_calls(world: World) -> None:
    run = ask(world.api)

    def sent() -> list[tuple[Any, Any]]:
        bodies = [request.json for request in world.posthog.requests]
        events = [(body, event) for body in bodies for event in body["batch"]]
        return [(b, e) for b, e in events if e["properties"]["$ai_trace_id"] == run["id"]]

    [(body, event)] = until(sent)
    assert (event["event"], body["api_key"]) == ("$ai_generation", "phc_test")
    assert event["properties"]["$ai_input_tokens"] == 7
    text = json.dumps(body)
    assert (PROMPT in text, ANSWER in text, KEY in text) == (world.records, world.records, False)


def spans_in(collector: Server) -> list[tuple[Request, Any]]:
    found: list[tuple[Request, Any]] = []
    for request in collector.requests:
        exported = ExportTraceServiceRequest.FromString(request.body)
        scopes = [scope for each in exported.resource_spans for scope in each.scope_spans]
        spans = [span for scope in scopes for span in scope.spans]
        found += [(request, span) for span in spans if span.name == "chat gpt-4"]
    return found


def test_spans_follow_the_conventions_of_opentelemetry(world: World) -> None:
    run = ask(world.api)

    def sent() -> list[tuple[Request, dict[str, Any]]]:
        found = [
            (request, {attribute.key: attribute.value for attribute in span.attributes})
            for request, span in spans_in(world.collector)
        ]
        return [(r, a) for r, a in found if a["flowc.run_id"].string_value == run["id"]]

    [(request, attributes)] = until(sent)
    assert request.path == "/v1/traces"
    assert attributes["gen_ai.operation.name"].string_value == "chat"
    assert attributes["gen_ai.provider.name"].string_value == "openai"
    assert attributes["gen_ai.request.temperature"].double_value == 0.5
    assert attributes["gen_ai.usage.input_tokens"].int_value == 7
    assert ("gen_ai.input.messages" in attributes) == world.records
    text = request.body.decode(errors="replace")
    assert (PROMPT in text, ANSWER in text, KEY in text) == (world.records, world.records, False)


def test_langfuse_receives_calls(tmp_path: Path) -> None:
    with loopback(accepted) as langfuse:
        env = {
            "FLOWC_MODEL_OBSERVERS": "langfuse",
            "LANGFUSE_PUBLIC_KEY": "pk-test",
            "LANGFUSE_SECRET_KEY": "sk-test",
            "LANGFUSE_HOST": langfuse.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with observed(tmp_path, **env) as api:
            ask(api)
            until(lambda: langfuse.requests)
    request = langfuse.requests[0]
    assert request.path.startswith("/api/public/otel")
    assert request.headers["authorization"].startswith("Basic ")
    sent = request.body.decode(errors="replace")
    assert "gpt-4" in sent
    assert (PROMPT in sent, ANSWER in sent, KEY in sent) == (False, False, False)
