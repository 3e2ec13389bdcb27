"""What nodes call learns which trace it is part of, and calls of models are spans of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fakes.loopback import Reply, Request, reply_json, serving
from fakes.models import models_at
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import tracing
from flowc.nodes.services.models.vectors import ModelEmbedder
from flowc.nodes.services.trace_headers import trace_headers
from flowc.rag.embedding import EmbeddingFailed

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "tracestate": "a=b"}


@contextmanager
def within_a_trace() -> Iterator[None]:
    token = attach(TraceContextTextMapPropagator().extract(HEADERS, Context()))
    try:
        yield
    finally:
        detach(token)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exported, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    monkeypatch.setattr(tracing, "_TRACER", provider.get_tracer("t"))
    return exported


def test_there_are_headers_only_within_a_trace() -> None:
    assert trace_headers() == {}
    with within_a_trace():
        assert trace_headers() == HEADERS


async def test_a_header_of_the_author_is_sent_as_it_is() -> None:
    own = "00-11111111111111111111111111111111-2222222222222222-00"
    with serving(lambda request: reply_json({})) as server:
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1": [server.port]}))
        with within_a_trace():
            await client.request("GET", server.url)
            await client.request("GET", server.url, headers={"Traceparent": own})
        await client.request("GET", server.url)
        await client.aclose()
    sent = [request.headers.get("traceparent") for request in server.requests]
    assert sent == [HEADERS["traceparent"], own, None]
    assert [r.headers.get("tracestate") for r in server.requests] == ["a=b", None, None]


def vectors(request: Request) -> Reply:
    rows = [{"index": 0, "embedding": [1.0, 0.0], "object": "embedding"}]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return reply_json({"object": "list", "data": rows, "model": "m", "usage": usage})


async def test_an_embedding_is_a_span_whose_request_names_it(spans: InMemorySpanExporter) -> None:
    with serving(vectors) as server, within_a_trace():
        await ModelEmbedder(models_at(server, "openai/vec"), "m").embed(["A text."])
    [span] = spans.get_finished_spans()
    assert span.name == "embeddings vec"
    attributes = span.attributes or {}
    assert attributes["gen_ai.operation.name"] == "embeddings"
    assert attributes["gen_ai.usage.input_tokens"] == 5
    context = span.get_span_context()
    assert context is not None
    assert f"{context.trace_id:032x}" == TRACE_ID
    [request] = server.requests
    assert request.headers["traceparent"] == f"00-{TRACE_ID}-{context.span_id:016x}-01"
    assert "A text." not in span.to_json()


async def test_a_call_that_fails_sets_the_status_of_its_span(spans: InMemorySpanExporter) -> None:
    refuse = serving(lambda request: reply_json({"error": "no"}, 401))
    with refuse as server, pytest.raises(EmbeddingFailed) as failed:
        await ModelEmbedder(models_at(server, "openai/vec"), "m").embed(["A text."])
    [span] = spans.get_finished_spans()
    assert not span.status.is_ok
    assert (span.attributes or {})["error.type"] == failed.value.code
