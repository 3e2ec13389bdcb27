"""Every node type passes the conformance test; and the nodes for data and flow."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakes.flows import compiled, run
from fakes.loopback import Reply, Request, reply_json, serving
from fakes.models import models_at
from fakes.openapi import document
from fakes.places import TESTS
from flowc.compiler.node import BodyResult, Context, Node, Outcome
from flowc.compiler.node.interrupts import Answer, Ask
from flowc.compiler.node.registry import BrokenPlugin, Registry
from flowc.compiler.running.run_context import NodeFailed
from flowc.compiler.testing import check_node_type
from flowc.nodes import NODE_TYPES
from flowc.nodes.flow.fail import Fail
from flowc.nodes.outside.connector import Connector
from flowc.nodes.outside.http import Http
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.files import Files, HeldFiles
from flowc.nodes.services.knowledge import Knowledge, Sources
from flowc.nodes.services.mcp import McpServer, McpServers
from flowc.nodes.services.models import Models
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.monty_engine import MontyEngine
from flowc.nodes.services.signals import Signals
from flowc.rag.chunking import TextChunk
from flowc.rag.folders import Folders
from flowc.rag.stores.local import LocalStore

pytestmark = pytest.mark.usefixtures("granularity")

STDIO = McpServer(command=sys.executable, args=[str(TESTS / "fakes" / "mcp_stdio.py")])
GOOD: dict[str, dict[str, Any]] = {
    "start": {"data": {"a": 1}},
    "end": {"output": [1]},
    "conditional": {"condition": True},
    "switch": {"value": "x", "cases": {"x": "there"}},
    "set": {"variables": {"n": 1}},
    "llm": {"prompt": "Hi"},
    "transform": {"data": {"a": "x"}, "rules": [{"type": "uppercase", "field": "a"}]},
    "template": {"template": "hi"},
    "code": {"code": "result = 1"},
    "http": {},
    "wait": {"for": 0.01},
    "emit": {"signal": "paid", "key": "7"},
    "respond": {"status": 201, "body": "made"},
    "agent": {"prompt": "Hi"},
    "connector": {"document": document(), "operation": "getPet", "arguments": {"id": 1}},
    "mcp": {"server": "shop", "tool": "greet", "arguments": {"name": "Ada"}},
    "classify": {"text": "A fault.", "labels": ["fault", "question"]},
    "guard": {"text": "Hello.", "words": ["secret"]},
    "image": {"model": "m", "prompt": "A dot."},
    "speech": {"model": "m", "text": "Hello."},
    "transcribe": {"model": "m", "file": "call"},
    "human": {"title": "Ship it?", "form": {"note": "string"}, "choices": ["yes", "no"]},
    "merge": {"data": {"a": 1}},
    "map": {"items": [1, 2], "body": {"nodes": [{"id": "x", "type": "start"}]}},
    "loop": {"for_each": [1, 2], "body": {"nodes": [{"id": "x", "type": "start"}]}},
    "try": {"body": {"nodes": [{"id": "x", "type": "start"}]}},
    "read_file": {"path": "a.md"},
    "chunk": {"text": "Some words."},
    "embed": {"texts": ["Some words."]},
    "store": {"collection": "notes", "source": "a", "chunks": [{"text": "Some words."}]},
    "retrieve": {"collection": "notes", "query": "words"},
    "ingest": {"collection": "notes", "documents": [{"source": "a", "text": "Some words."}]},
    "rag_switch": {"collection": "notes", "query": "words"},
    "ocr": {"path": "a.md"},
    "ocr_switch": {"path": "a.md", "min_characters": 5},
    "subworkflow": {"workflow": {"nodes": [{"id": "x", "type": "start"}]}},
}


async def empty_body(key: str, names: Any, variables: Any, only: Any = None) -> BodyResult:
    return BodyResult({"turn": key}, {}, {})


class Sent(Signals):
    """Signals that no run waits for."""

    async def send(self, name: str, key: str, data: Any, *, id: str) -> None:
        return None


async def says_yes(ask: Ask) -> Answer:
    return Answer({"note": "Fine.", "choice": "yes"})


def any_reply(request: Request) -> Reply:
    if request.path.endswith("/speech"):
        return Reply(body=b"ID3")
    return reply_json({"name": "x", "text": "x", "created": 1, "data": [{"b64_json": "AAAA"}]})


@pytest.mark.parametrize(
    "node_type", [t for t in NODE_TYPES if t is not Fail], ids=lambda t: t.type
)
async def test_it_passes_the_conformance_test(node_type: type[Node], tmp_path: Path) -> None:
    sandboxes = Sandboxes((MontyEngine(),))
    client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
    signals = Sent()
    shop = McpServers({"shop": STDIO})
    own = {Models: Models(), Sandboxes: sandboxes, HttpClient: client}
    knowledge = await knowing(tmp_path, own[Models], client)
    files = HeldFiles()
    services = {
        **own, Signals: signals, McpServers: shop, Knowledge: knowledge, Files: files
    }  # fmt: skip
    with serving(any_reply) as server:
        config = GOOD[node_type.type]
        if node_type.type in {"image", "speech", "transcribe"}:
            services[Models] = models_at(server, "openai/own")
        if node_type.type == "transcribe":
            config = {**config, "file": (await files.add_content(b"x", "a", "audio/wav")).id}
        if node_type is Http:
            config = {"url": server.url}
        if node_type is Connector:
            config = {**config, "document": document(server.url)}
        context = Context(services=services, run_body=empty_body, wait_for=says_yes)
        await check_node_type(node_type, config, context)
    await sandboxes.aclose()
    await knowledge.aclose()
    await client.aclose()


async def knowing(folder: Path, models: Models, client: HttpClient) -> Knowledge:
    """Documents in a folder, and a collection of them."""
    (folder / "a.md").write_text("# Words\n\nSome words.")
    knowledge = Knowledge(
        partial(LocalStore.open, folder / "knowledge"), models, Sources(Folders([folder]), client)
    )
    chunks = [TextChunk("Some words.", 3, 0, 11, None, None, ())]
    embeddings = await knowledge.embeddings(None, "notes")
    await knowledge.put(
        "notes", "a", chunks, None, embeddings=embeddings, metadata={}, fingerprint="x"
    )
    return knowledge


class Careless(Node):
    """Chooses a branch that it does not declare."""

    type: ClassVar = "careless"

    async def run(self, context: Context) -> Outcome:
        return Outcome({"a": {1, 2}}, branch="left")


async def test_the_conformance_test_can_fail() -> None:
    with pytest.raises((AssertionError, ValueError)):
        await check_node_type(Careless, {})


async def transform(data: Any, *rules: Any, **config: Any) -> Any:
    node = {
        "id": "t",
        "type": "transform",
        "config": {"data": data, "rules": list(rules), **config},
    }
    return (await run({"nodes": [node]})).output


RULES: list[tuple[Any, dict[str, Any], Any]] = [
    ({"a": "x"}, {"type": "transform", "field": "a", "operation": "uppercase"}, {"a": "X"}),
    ({"a": "X"}, {"type": "lowercase", "field": "a"}, {"a": "x"}),
    ({"a": " x "}, {"type": "trim", "field": "a"}, {"a": "x"}),
    ({"a": {"b": " x "}}, {"type": "trim", "field": "a.b"}, {"a": {"b": "x"}}),
    ({"a": ["x", "y"]}, {"type": "uppercase", "field": "a"}, {"a": ["X", "Y"]}),
    ({"a": "x", "n": 1}, {"type": "uppercase"}, {"a": "X", "n": 1}),
    ("x", {"type": "uppercase"}, "X"),
    ({"a": 1, "b": 2}, {"type": "rename", "field": "a", "to": "c"}, {"b": 2, "c": 1}),
    ({"a": 1}, {"type": "rename", "from": "a", "to": "c.d"}, {"c": {"d": 1}}),
    ({"a": 1}, {"type": "set", "field": "b", "value": [1]}, {"a": 1, "b": [1]}),
    ({"a": 1}, {"type": "set", "field": "b", "value": None}, {"a": 1, "b": None}),
    ({"a": 1, "b": 2}, {"type": "remove", "field": "a"}, {"b": 2}),
    ({"a": 1, "b": 2}, {"type": "remove", "fields": ["a", "b", "c"]}, {}),
    ({"a": 1, "b": 2, "c": {"d": 3}}, {"type": "select", "fields": ["a", "c.d"]}, {"a": 1, "c": {"d": 3}}),
    ([{"a": 1, "b": 2}], {"type": "select", "fields": ["a"]}, [{"a": 1}]),
    ({"a": "7"}, {"type": "convert", "field": "a", "to": "number"}, {"a": 7}),
    ({"a": "7.5"}, {"type": "convert", "field": "a", "to": "number"}, {"a": 7.5}),
    ({"a": "7.9"}, {"type": "convert", "field": "a", "to": "integer"}, {"a": 7}),
    ({"a": 7}, {"type": "convert", "field": "a", "to": "string"}, {"a": "7"}),
    ({"a": "yes"}, {"type": "convert", "field": "a", "to": "boolean"}, {"a": True}),
    ({"a": "[1]"}, {"type": "convert", "field": "a", "to": "json"}, {"a": [1]}),
    ([1, 2, 3], {"type": "filter", "where": "item > 1"}, [2, 3]),
    ({"a": [{"n": 1}, {"n": 5}]}, {"type": "filter", "field": "a", "where": "{{item.n}} > 3"}, {"a": [{"n": 5}]}),
    ([1, 2], {"type": "map", "expression": "item * 2 + index"}, [2, 5]),
    ([{"n": "a"}], {"type": "map", "expression": "<{{item.n|upper}}>"}, ["<A>"]),
    ([{"n": "a"}], {"type": "map", "expression": "{'name': item.n}"}, [{"name": "a"}]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "rule", "expected"), RULES)
async def test_every_rule(data: Any, rule: dict[str, Any], expected: Any) -> None:
    assert await transform(data, rule) == expected


async def test_rules_apply_in_order_and_expressions_come_last() -> None:
    output = await transform(
        {"items": [{"price": 2, "n": 3}, {"price": 5, "n": 0}]},
        {"type": "filter", "field": "items", "where": "item.n > 0"},
        {"type": "map", "field": "items", "expression": "item.price * item.n"},
        expressions={"total": "data['items']|first", "count": "{{data['items']|length}}"},
    )
    assert output == {"items": [6], "total": 6, "count": 1}
    assert await transform({"a": 1}, expression="data.a + 1") == 2


@pytest.mark.parametrize(
    ("data", "rule", "message"),
    [
        ({"a": 1}, {"type": "uppercase", "field": "a"}, "needs text"),
        ({"a": 1}, {"type": "uppercase", "field": "b"}, "no field 'b'"),
        ({"a": "x"}, {"type": "convert", "field": "a", "to": "number"}, "'x' is not a number"),
        ({"a": 1}, {"type": "filter", "field": "a", "where": "true"}, "needs a list"),
        ([{"a": 1}], {"type": "filter", "where": "item.b > 1"}, "no field 'b'"),
        ([1], {"type": "filter", "where": "item"}, "must be true or false"),
    ],
)
async def test_the_error_of_a_rule_names_the_reason(data: Any, rule: Any, message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        await transform(data, rule)


async def test_data_flows_through_conditions_to_a_transform_without_data() -> None:
    workflow = {
        "nodes": [
            {"id": "begin", "type": "start"},
            {
                "id": "route",
                "type": "conditional",
                "config": {"condition": "true", "true_edge": "up"},
            },
            {
                "id": "up",
                "type": "process",
                "config": {"rules": [{"type": "uppercase", "field": "a"}]},
            },
            {"id": "done", "type": "end"},
        ],
        "edges": [{"source": "begin", "target": "route"}, {"source": "up", "target": "done"}],
    }
    assert (await run(workflow, {"a": "x"})).output == {"a": "X"}


@pytest.mark.parametrize(
    ("value", "branch"),
    [("x", "x"), (1, "1"), (True, "true"), ("other", "default"), (None, "default")],
)
async def test_a_switch_chooses_the_branch_of_its_value(value: Any, branch: str) -> None:
    config = {"value": "{{input.v}}", "cases": {"x": None, "1": "one", "true": None}}
    workflow = {
        "nodes": [{"id": "s", "type": "switch", "config": config}, {"id": "one", "type": "note"}],
    }
    ran = await run(workflow, {"v": value})
    assert ran.outputs["s"]["branch"] == branch
    assert ran.times()["one"] == (branch == "1")


async def test_variables_can_be_set_and_read() -> None:
    workflow = {
        "variables": {"n": 1},
        "nodes": [
            {
                "id": "a",
                "type": "set",
                "config": {"variables": {"n": "{{variables.n + 1}}", "m": "x"}},
            },
            {
                "id": "b",
                "type": "template",
                "config": {"template": "{{variables.n}}{{variables.m}}"},
                "depends_on": ["a"],
            },
        ],
    }
    assert (await run(workflow)).output == {"text": "2x"}


async def test_fail_ends_the_run_with_its_message() -> None:
    config = {"message": "No {{input.what}} today", "code": "sold-out"}
    with pytest.raises(NodeFailed, match="No bread today") as caught:
        await run({"nodes": [{"id": "f", "type": "fail", "config": config}]}, {"what": "bread"})
    assert (caught.value.code, caught.value.node_id) == ("sold-out", "f")


async def test_the_output_of_several_ends_is_by_node_id() -> None:
    workflow = {
        "nodes": [
            {"id": "a", "type": "end", "config": {"output": 1}},
            {"id": "b", "type": "end", "config": {"output": {"x": "{{input.v}}"}}},
        ]
    }
    assert (await run(workflow, {"v": 2})).output == {"a": 1, "b": {"x": 2}}


async def test_the_error_for_a_missing_value_names_it() -> None:
    node = {"id": "t", "type": "template", "config": {"template": "{{input.nope}}"}}
    with pytest.raises(NodeFailed, match="'nope'") as caught:
        await run({"nodes": [node]}, {})
    assert caught.value.code == "expression-failed"


async def test_a_computed_value_of_the_wrong_type_fails_the_node() -> None:
    node = {"id": "c", "type": "llm", "config": {"prompt": "x", "temperature": "{{input.t}}"}}
    with pytest.raises(NodeFailed, match="temperature") as caught:
        await run({"nodes": [node]}, {"t": "hot"}, {Models: Models()})
    assert caught.value.code == "invalid-configuration"


class Slow(Node):
    """Run for too long."""

    type: ClassVar = "slow"

    async def run(self, context: Context) -> None:
        import asyncio

        await asyncio.sleep(5)


async def test_a_node_fails_after_its_timeout() -> None:
    workflow = compiled({"nodes": [{"id": "s", "type": "slow", "timeout": "50ms"}]}, Slow)
    with pytest.raises(NodeFailed, match=r"longer than 0\.05 s"):
        await run(workflow)


class Broken(Node):
    """Raise an error with a secret in it."""

    type: ClassVar = "broken"

    async def run(self, context: Context) -> None:
        raise KeyError("sk-very-secret")


async def test_the_error_of_a_broken_node_type_names_only_its_kind() -> None:
    workflow = compiled({"nodes": [{"id": "b", "type": "broken"}]}, Broken)
    with pytest.raises(NodeFailed) as caught:
        await run(workflow)
    assert "KeyError" in str(caught.value)
    assert "secret" not in str(caught.value)


class Odd(Node):
    """Return a value that is not JSON."""

    type: ClassVar = "odd"

    async def run(self, context: Context) -> Any:
        return {"a": {1, 2}}


async def test_an_output_that_is_not_json_fails_the_node() -> None:
    workflow = compiled({"nodes": [{"id": "o", "type": "odd"}]}, Odd)
    with pytest.raises(NodeFailed, match="cannot be stored"):
        await run(workflow)


def test_two_node_types_cannot_have_one_name() -> None:
    with pytest.raises(BrokenPlugin, match="'odd'"):
        Registry([Odd, Odd])


def test_the_error_for_a_broken_plug_in_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    import flowc.compiler.node.registry as module

    broken = EntryPoint("theirs", "no_such_module", "flowc.nodes")
    monkeypatch.setattr(module, "entry_points", lambda group: [broken])
    with pytest.raises(BrokenPlugin, match="theirs"):
        Registry.installed()


async def test_expressions_need_an_object() -> None:
    with pytest.raises(NodeFailed, match="needs an object, and this is a list") as caught:
        await transform([1], expressions={"n": "data[0]"})
    assert caught.value.code == "transform-failed"


@pytest.mark.parametrize(
    "until", ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59"]
)
async def test_a_moment_that_cannot_be_is_a_failure_of_the_node(until: str) -> None:
    wait = {"id": "w", "type": "wait", "config": {"until": "{{input.until}}"}}
    with pytest.raises(NodeFailed) as caught:
        await run({"nodes": [wait]}, {"until": until})
    assert caught.value.code == "no-such-moment"


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "set", "field": "PATH", "value": 1},
        {"type": "rename", "field": "a", "to": "PATH"},
        {"type": "remove", "fields": ["a", "PATH"]},
        {"type": "select", "fields": ["PATH"]},
        {"type": "uppercase", "field": "PATH"},
        {"type": "convert", "field": "PATH", "to": "string"},
    ],
)
async def test_a_path_of_thousands_of_parts_is_a_failure_of_the_node(rule: dict[str, Any]) -> None:
    deep = ".".join(["a"] * 3_000)
    written = json.loads(json.dumps(rule).replace("PATH", deep))
    with pytest.raises(NodeFailed) as caught:
        await transform({"a": "x"}, written)
    assert caught.value.code == "transform-failed"
