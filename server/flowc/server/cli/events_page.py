"""The page of events: every kind, its data field by field, and an example.

It is made from the types of `flowc.compiler.running.event_data`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    get_args,
    get_origin,
    is_typeddict,
)
from typing import get_type_hints as type_hints

from flowc.compiler.running import events
from flowc.compiler.running.events import EVENT_TYPES, Event
from flowc.server.records.run_events import RunEvent

_INTERRUPT = "5f1c7a0e9b3d4c62a8f0e1d2c3b4a596"
_AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
EXAMPLES: tuple[Event, ...] = (
    events.RUN_CREATED.of_run({"priority": 10}),
    events.RUN_STARTED.of_run({"segment": 0, "attempt": 1}),
    events.RUN_RESUMED.of_run({"reason": "answered", "interrupt": _INTERRUPT}),
    events.RUN_WAITING.of_run({"interrupts": [{
        "id": _INTERRUPT, "node_id": "approve", "path": "", "kind": "human",
        "data": {"title": "Refund 40 US dollars?"}, "due_at": None,
    }]}),
    events.RUN_PAUSED.of_run({}),
    events.RUN_BREAKPOINTS.of_run({"breakpoints": {"nodes": ["answer"], "stepping": False}}),
    events.RUN_CHANGED.of_run({
        "variables": {"total": 5}, "outputs": {},
        "before": {"variables": {"total": 3}, "outputs": {}}, "scope": "", "by": "Ada",
    }),
    events.RUN_COMPLETED.of_run({"output": {"text": "Hello"}, "unreached": ["escalate"]}),
    events.RUN_FAILED.of_run({
        "error": {"code": "timeout", "message": "The run took longer than 60 s."}, "unreached": [],
    }),
    events.RUN_CANCELLED.of_run({
        "error": {"code": "cancelled", "message": "The run was cancelled."},
    }),
    events.RUN_USED.of_run({"usage": {"total_tokens": 2150, "calls": 2, "estimated_calls": 1}}),
    events.INTERRUPT_ANSWERED.of_run({
        "id": _INTERRUPT, "node_id": "approve", "path": "", "kind": "human",
        "data": {"title": "Refund 40 US dollars?"}, "due_at": None, "status": "answered",
    }),
    events.NODE_STARTED.of_node("answer", {"type": "llm"}),
    events.NODE_RETRYING.of_node(
        "fetch", {"attempt": 1, "delay": 1.5, "message": "The server answered with status 503."}
    ),
    events.NODE_USED.of_node("answer", {"usage": {"total_tokens": 2000, "calls": 1}}),
    events.NODE_WAITING.of_node("paid", {"interrupt": {
        "id": _INTERRUPT, "node_id": "paid", "path": "", "kind": "signal",
        "data": {"signal": "payment", "key": "order-7"}, "seconds": 3600.0,
    }}),
    events.NODE_COMPLETED.of_node("answer", {
        "output": {"text": "Hello"}, "branch": None, "usage": {"total_tokens": 12, "calls": 1},
        "attempts": 1, "duration_ms": 412.7, "cached": False,
    }, "each#0/2/"),
    events.NODE_FAILED.of_node("fetch", {
        "code": "expression-failed",
        "message": "'classify.output' has no field 'categry'; its field is 'category'.",
        "duration_ms": 0.2, "attempts": 0, "at": {"pointer": "/nodes/3/config/url"},
        "reference": "classify.output.categry", "value": '{"category": "billing"}',
        "hint": "Did you mean 'category'?",
    }),
    events.NODE_CANCELLED.of_node("slow", {"by": "pick"}),
    events.NODE_SKIPPED.of_node("escalate", {}),
    events.NODE_SAID.of_node("answer", {"kind": "token", "data": {"text": "Hel"}}),
)  # fmt: skip


class SaidKind(NamedTuple):
    """A kind of things that built-in node types emit themselves, within `node.said`."""

    kind: str
    node_types: str
    when: str
    fields: Mapping[str, str]
    example: Any


_AGENT, _MODEL = "`agent`", "`llm`, `classify` and `agent`"
SAID_KINDS = (
    SaidKind(
        "token",
        _MODEL,
        "The model's answer grows, where the node streams it.",
        {"text": "the next piece of the text, without secrets"},
        {"text": "Hel"},
    ),
    SaidKind(
        "reasoning",
        _MODEL,
        "The model's thoughts grow before its answer, where the node streams it. They are in no"
        " answer of a conversation, and are not sent to the model again.",
        {"text": "the next piece of the thoughts, without secrets"},
        {"text": "The capital is asked for."},
    ),
    SaidKind(
        "warning",
        _MODEL,
        "The model refused a parameter, which was left out or renamed; a value of the answer was"
        " converted to fit its schema; or a text was cut off at `max_tokens`.",
        {"message": "what was changed, as a sentence"},
        {"message": "m: 'max_tokens' was sent as 'max_completion_tokens'."},
    ),
    SaidKind(
        "fallback",
        _MODEL,
        "A model failed, and the next of the node's models is asked.",
        {
            "from": "the model that failed, or null for the default model",
            "to": "the model that is asked next",
            "code": "the error code of the failure",
        },
        {"from": "openai/gpt-5", "to": "anthropic/claude-sonnet-5", "code": "timeout"},
    ),
    SaidKind(
        "fallback_label",
        "`classify`",
        "The model named none of the labels, or was not sure enough, so the `fallback` is taken.",
        {"label": "the fallback", "answer": "the beginning of the model's answer"},
        {"label": "other", "answer": '{"label": "shipping", "confidence": 0.4}'},
    ),
    SaidKind(
        "thought",
        _AGENT,
        "The model wrote something before it calls tools.",
        {"text": "what it wrote, if anything", "reasoning": "its reasoning, if the model shows it"},
        {"text": "I need the order first."},
    ),
    SaidKind(
        "tool_call",
        _AGENT,
        "The model calls a tool.",
        {
            "id": "the id of the call",
            "tool": "the name of the tool",
            "arguments": "the arguments as an object",
        },
        {"id": "call_1", "tool": "find_order", "arguments": {"number": 7}},
    ),
    SaidKind(
        "tool_result",
        _AGENT,
        "A tool returned, or its call failed or is not valid.",
        {
            "id": "the id of the call",
            "result": "the tool's output; absent if the call failed",
            "error": "why the call failed; absent if it did not",
        },
        {"id": "call_1", "result": {"status": "shipped"}},
    ),
    SaidKind(
        "handoff",
        _AGENT,
        "The agent hands over to another node, which continues.",
        {"to": "the id of the node", "reason": "what the model writes about it, or an empty text"},
        {"to": "billing", "reason": "It is about an invoice."},
    ),
    SaidKind(
        "limit",
        _AGENT,
        "The agent reached a limit, and the model is asked for its answer now.",
        {"reached": "the limit in words"},
        {"reached": "10 turns"},
    ),
    SaidKind(
        "stdout",
        "`code`",
        "The code printed something. The data is the text itself.",
        {},
        "3 rows\n",
    ),
    SaidKind(
        "guard",
        "`guard`",
        "The text has what may not pass.",
        {
            "findings": "the rules that found something, each with a count",
            "on_match": "what happens then: `block`, `mask`, `ask` or `fail`",
        },
        {"findings": [{"rule": "email", "count": 2}], "on_match": "mask"},
    ),
    SaidKind(
        "documents",
        "`ingest`",
        "The ingestion starts.",
        {"total": "the number of documents found"},
        {"total": 12},
    ),
    SaidKind(
        "document",
        "`ingest`",
        "One document is done.",
        {
            "source": "the document's source",
            "status": "`added`, `changed`, `unchanged`, `removed`, `repeated` or `failed`",
            "passages": "the number of passages; with `added` and `changed`",
            "code": "the error code; with `failed`",
            "message": "why it cannot be read; with `failed`",
        },
        {"source": "prices.pdf", "status": "added", "passages": 31},
    ),
    SaidKind(
        "progress",
        "`ingest`",
        "Passages were stored; at most a few times a second.",
        {"documents": "the documents so far", "passages": "the passages stored so far"},
        {"documents": 4, "passages": 120},
    ),
)

_HEAD = """# Events

Everything that happens to a run is an event. A run's events are numbered from 1 without gaps, in
one order for all readers, and stored before the checkpoint that follows from them.

Read them with `GET /api/v1/runs/{id}/logs`, or as they come with `GET /api/v1/runs/{id}/events`
(server-sent events) and `/api/v1/runs/{id}/ws` (WebSocket); with `FLOWC_REDIS_URL` they are also in
Redis Streams. A node **emits** an event, the run's worker **appends** it to the event log, the
database transaction **commits** it, and then it is **published** to those who watch the run.

Every event is one JSON object:

| field | type | |
|---|---|---|
| `number` | integer | The number of the event in its run. |
| `kind` | text | One of the kinds below. |
| `at` | text | When it happened, in ISO 8601, UTC. |
| `node_id` | text or null | The node that it is about; null if it is about the run itself. |
| `path` | text | The loop turns and map items that the node is in: `each#0/2/`. Empty at the top. |
| `data` | object | What the kind's table below lists. A field that may be absent is marked. |
"""


def events_page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield _HEAD
    examples = {event.kind: event for event in EXAMPLES}
    for number, event_type in enumerate(EVENT_TYPES, 1):
        kind = event_type.kind
        yield f"## `{kind}`\n"
        yield _sentence(event_type.data_type)
        yield from _table(event_type.data_type)
        event = replace(RunEvent.of(examples[kind], _AT), number=number)
        yield f"```json\n{json.dumps(event.as_json())}\n```\n"
    yield "# What node types emit\n"
    yield "These travel as the `kind` and `data` of `node.said`. Node types of other packages add"
    yield "their own.\n"
    for said in SAID_KINDS:
        yield f"## `node.said`: `{said.kind}`\n"
        yield f"From {said.node_types}. {said.when}\n"
        if said.fields:
            yield "| field | |"
            yield "|---|---|"
            yield from (f"| `{name}` | {text} |" for name, text in said.fields.items())
            yield ""
        example = {"kind": said.kind, "data": said.example}
        yield f"```json\n{json.dumps(example)}\n```\n"


def _sentence(data_type: type[Any]) -> str:
    return " ".join((data_type.__doc__ or "").split()) + "\n"


def _table(data_type: type[Any], before: str = "") -> Iterator[str]:
    rows = list(_rows(data_type, before))
    if rows:
        yield "| field | type | |"
        yield "|---|---|---|"
        yield from rows
        yield ""


def _rows(data_type: type[Any], before: str = "") -> Iterator[str]:
    """Yield a row for each field; those of an object in a field follow it, as `field.inner`."""
    for name, hint in type_hints(data_type, include_extras=True).items():
        is_optional = get_origin(hint) is NotRequired
        described = get_args(hint)[0] if is_optional else hint
        kind, text = get_args(described) if get_origin(described) is Annotated else (described, "")
        absent = ", may be absent" if is_optional else ""
        yield f"| `{before}{name}` | {_words(kind)}{absent} | {text} |"
        for inner, mark in _objects_in(kind):
            yield from _rows(inner, f"{before}{name}{mark}.")


def _objects_in(kind: Any) -> Iterator[tuple[type[Any], str]]:
    if is_typeddict(kind):
        yield kind, ""
    for part in get_args(kind):
        if is_typeddict(part):
            yield part, "[]" if get_origin(kind) is list else ""


_NAMES = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null"}


def _words(kind: Any) -> str:
    """Return a type in a few words.

    >>> _words(list[str] | None)
    'list of text or null'
    """
    if kind in _NAMES:
        return _NAMES[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if origin is UnionType:
        return " or ".join(map(_words, parts))
    if origin is list:
        return f"list of {_words(parts[0])}"
    return "any" if kind is Any else "object"
