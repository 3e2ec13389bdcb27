"""Whoever the operator names is told of model calls: of what was said, only if he wishes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fakes.loopback import Reply, Request, Server, completion, reply_json
from fakes.loopback import serving as loopback
from fakes.processes import serving, until
from fakes.runs_api import begin

PROMPT, ANSWER, KEY = "What is the pass phrase?", "Swordfish it is.", "sk-loopback-0123456789"


@contextmanager
def observed(folder: Path, model: Server, **env: str) -> Iterator[tuple[Any, Any]]:
    alias = {"model": "openai/gpt-4", "api_base": f"{model.url}/v1", "api_key": KEY}
    (folder / "models.json").write_text(json.dumps({"m": alias}))
    own = {"FLOWC_MODELS_FILE": str(folder / "models.json"), **env}
    with serving(folder / "d", own) as served:
        yield served


def ask(api: Any) -> dict[str, Any]:
    config = {"model": "m", "prompt": PROMPT, "temperature": 0.5}
    run = begin(api, [{"id": "ask", "type": "llm", "config": config}])
    assert run["status"] == "completed", run["error"]
    return run


def told(request: Request) -> Reply:
    return reply_json({"status": 1})


@pytest.mark.parametrize("records", ["false", "true"])
def test_posthog_is_told_of_calls(tmp_path: Path, records: str) -> None:
    with loopback(told) as posthog, loopback(lambda request: completion(ANSWER)) as model:
        env = {
            "FLOWC_MODEL_OBSERVERS": "posthog",
            "FLOWC_RECORD_PROMPTS": records,
            "POSTHOG_API_KEY": "phc_test",
            "POSTHOG_API_URL": posthog.url,
        }
        with observed(tmp_path, model, **env) as (api, _):
            run = ask(api)
            until(lambda: posthog.requests)
    body = posthog.requests[0].json
    [event] = body["batch"]
    assert (event["event"], body["api_key"]) == ("$ai_generation", "phc_test")
    assert event["properties"]["$ai_input_tokens"] == 7
    assert event["properties"]["$ai_trace_id"] == run["id"]
    sent = json.dumps(body)
    assert (PROMPT in sent, ANSWER in sent, KEY in sent) == (records == "true",) * 2 + (False,)


def spans_in(collector: Server) -> list[tuple[Request, Any]]:
    found: list[tuple[Request, Any]] = []
    for request in collector.requests:
        exported = ExportTraceServiceRequest.FromString(request.body)
        scopes = [scope for each in exported.resource_spans for scope in each.scope_spans]
        spans = [span for scope in scopes for span in scope.spans]
        found += [(request, span) for span in spans if span.name == "chat gpt-4"]
    return found


@pytest.mark.parametrize("records", ["false", "true"])
def test_spans_are_sent_as_opentelemetry_names_them(tmp_path: Path, records: str) -> None:
    with loopback(told) as collector, loopback(lambda request: completion(ANSWER)) as model:
        env = {
            "FLOWC_OTLP_ENDPOINT": f"{collector.url}/v1/traces",
            "FLOWC_RECORD_PROMPTS": records,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with observed(tmp_path, model, **env) as (api, _):
            run = ask(api)
            until(lambda: spans_in(collector))
    request, span = spans_in(collector)[0]
    assert request.path == "/v1/traces"
    found = {a.key: a.value for a in span.attributes}
    assert found["gen_ai.operation.name"].string_value == "chat"
    assert found["gen_ai.provider.name"].string_value == "openai"
    assert found["gen_ai.request.temperature"].double_value == 0.5
    assert found["gen_ai.usage.input_tokens"].int_value == 7
    assert found["flowc.run_id"].string_value == run["id"]
    assert ("gen_ai.input.messages" in found) == (records == "true")
    sent = request.body.decode(errors="replace")
    assert (PROMPT in sent, ANSWER in sent, KEY in sent) == (records == "true",) * 2 + (False,)


def test_langfuse_is_told_of_calls(tmp_path: Path) -> None:
    with loopback(told) as langfuse, loopback(lambda request: completion(ANSWER)) as model:
        env = {
            "FLOWC_MODEL_OBSERVERS": "langfuse",
            "LANGFUSE_PUBLIC_KEY": "pk-test",
            "LANGFUSE_SECRET_KEY": "sk-test",
            "LANGFUSE_HOST": langfuse.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with observed(tmp_path, model, **env) as (api, _):
            ask(api)
            until(lambda: langfuse.requests)
    request = langfuse.requests[0]
    assert request.path.startswith("/api/public/otel")
    assert request.headers["authorization"].startswith("Basic ")
    sent = request.body.decode(errors="replace")
    assert "gpt-4" in sent
    assert (PROMPT in sent, ANSWER in sent, KEY in sent) == (False, False, False)
