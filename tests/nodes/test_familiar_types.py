"""Node types under the names of other tools: each is read, checked in its own words, and run."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.document_world import World
from fakes.flows import Turns, compiled, registry, run
from fakes.loopback import reply_json, serving
from fakes.openapi import document
from flowc.compiler import Context, Node, NodeError, NodeFailed
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data, read_text
from flowc.compiler.reading.familiar import FAMILIAR, familiar_words
from flowc.compiler.reports.json_schema import definition_schema
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.knowledge import Knowledge

pytestmark = pytest.mark.usefixtures("granularity")

LOOPBACK = EgressPolicy.of_rules({"127.0.0.1/32": []})


def one(type: str, /, **config: Any) -> dict[str, Any]:
    return {"nodes": [{"id": "a", "type": type, "config": config}]}


def codes(definition: Any) -> list[tuple[str, str]]:
    found = check_workflow(from_data(definition), registry())
    return [(each.code, each.at.pointer) for each in found]


CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({"expression": "{{input.age}} > 17"}, True),
    ({"field": "age", "operator": ">=", "value": 18}, True),
    ({"field": "input.age", "operator": "lt", "value": "18"}, False),
    ({"variable": "{{input.name}}", "comparison_operator": "start with", "value": "A"}, True),
    ({"left": "name", "op": "endsWith", "right": "a"}, True),
    ({"value1": "{{input.name}}", "operation": "contains", "value2": "d"}, True),
    ({"variable_selector": ["begin", "name"], "operator": "is", "value": "Ada"}, True),
    ({"field": "name", "operator": "not in", "value": ["Bob", "Ada"]}, False),
    ({"field": "tags", "operator": "empty"}, True),
    ({"field": "note", "operator": "exists"}, False),
    ({"field": "vip", "operator": "true"}, True),
    ({"field": "name", "operator": "matches", "value": "^A.a$"}, True),
    ({"field": "name", "operator": "≠", "value": "it's \"x\""}, True),
    (
        {"conditions": [{"field": "age", "operator": ">", "value": 60}, {"field": "vip", "operator": "==", "value": True}], "logic": "or"},
        True,
    ),
    (
        {"conditions": {"combinator": "and", "conditions": [{"leftValue": "{{input.age}}", "rightValue": 18, "operator": {"type": "number", "operation": "gte"}}, {"leftValue": "{{input.name}}", "rightValue": "", "operator": {"operation": "notEmpty"}}]}},
        True,
    ),
    ({"conditions": {"number": [{"value1": "{{input.age}}", "operation": "smaller", "value2": 18}]}}, False),
    (
        {"cases": [{"case_id": "true", "logical_operator": "and", "conditions": [{"variable_selector": ["begin", "age"], "comparison_operator": "≥", "value": "18"}]}]},
        True,
    ),
    ({"conditions": [{"logic": "or", "conditions": [{"field": "age", "operator": "=", "value": 1}, "{{input.vip}}"]}]}, True),
]  # fmt: skip
TARGETS = (
    ("true_edge", "false_edge"),
    ("then", "else"),
    ("true_branch", "false_branch"),
    ("on_true", "on_false"),
)


@pytest.mark.parametrize(("config", "holds"), CONDITIONS)
async def test_a_condition(config: dict[str, Any], holds: bool) -> None:
    yes, no = TARGETS[len(str(config)) % len(TARGETS)]
    nodes = [
        {"id": "begin", "type": "trigger"},
        {"id": "check", "type": "condition", "config": {**config, yes: "big", no: "small"}},
        {"id": "big", "type": "template", "config": {"template": "big"}},
        {"id": "small", "type": "template", "config": {"template": "small"}},
    ]
    given = {"age": 40, "name": "Ada", "tags": [], "vip": True}
    workflow = {"nodes": nodes, "edges": [{"source": "begin", "target": "check"}]}
    assert (await run(workflow, given)).output == {"text": "big" if holds else "small"}


@pytest.mark.parametrize(
    ("config", "place", "message"),
    [
        ({"field": "age", "operator": "resembles", "value": 3}, "", "no operator 'resembles'"),
        (
            {"conditions": [{"field": "age"}]},
            "/conditions/0",
            "no field to compare, or no operator",
        ),
        ({"cases": [{}, {}]}, "/cases", "several cases"),
        ({"field": "age", "operator": ">", "value": 3, "colour": 1}, "/colour", "'colour'"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_at_its_place(
    config: dict[str, Any], place: str, message: str
) -> None:
    found = check_workflow(from_data(one("condition", **config, then="a")), registry())
    assert found[0].at.pointer == f"/nodes/0/config{place}"
    assert message in found[0].message
    assert all(each.hint for each in found)


async def test_branches_of_edges_may_be_written_without_quotes() -> None:
    text = """
nodes:
  - {id: c, type: condition, config: {field: n, operator: ">", value: 3}}
  - {id: x, type: template, config: {template: big}}
  - {id: y, type: template, config: {template: small}}
edges:
  - {source: c, target: x, branch: true}
  - {source: c, target: y, branch: false}
"""
    assert (await run(compiled(text), {"n": 5})).output == {"text": "big"}
    assert (await run(compiled(text), {"n": 2})).output == {"text": "small"}


async def test_a_trigger_begins_the_run() -> None:
    assert (await run(one("trigger", defaults={"n": 1}), {"m": 2})).output == {"n": 1, "m": 2}
    assert (await run(one("trigger", trigger_type="manual"), {"m": 2})).output == {"m": 2}
    for config in ({"type": "cron", "cron": "0 9 * * *"}, {"trigger_type": "webhook", "path": "x"}):
        assert codes(one("trigger", **config)) == [("trigger-elsewhere", "/nodes/0/config")]
        assert (await run(one("trigger", **config), {"m": 2})).output == {"m": 2}
    assert codes(one("trigger", trigger_type="telepathy"))[0][0] == "invalid-value"


REQUESTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"endpoint": "/a", "params": {"q": "{{input.q}}"}}, {"path": "/a?q=pen", "method": "GET"}),
    ({"url": "/a", "method": "post", "data": {"q": "{{input.q}}"}}, {"method": "POST", "json": {"q": "pen"}}),
    ({"url": "/a", "http_method": "put", "payload": [1]}, {"method": "PUT", "json": [1]}),
    ({"url": "/a", "query_parameters": {"a": [1, 2]}, "timeout_seconds": 5}, {"path": "/a?a=1&a=2"}),
    ({"url": "/a", "timeout_ms": 4000, "fail_on_error": False}, {"path": "/a"}),
]  # fmt: skip


async def call(server_url: str, type: str, config: dict[str, Any], **context: Any) -> Any:
    client = HttpClient(LOOPBACK)
    named = {k: server_url + v if k in {"url", "endpoint"} else v for k, v in config.items()}
    try:
        return await run(one(type, **named), {"q": "pen"}, {HttpClient: client}, **context)
    finally:
        await client.aclose()


@pytest.mark.parametrize(("config", "sent"), REQUESTS)
async def test_an_http_request(config: dict[str, Any], sent: dict[str, Any]) -> None:
    with serving(lambda request: reply_json({"ok": True})) as server:
        ran = await call(server.url, "http_request", config)
    assert ran.output["body"] == {"ok": True}
    assert {name: getattr(server.requests[0], name) for name in sent} == sent


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"auth": {"type": "bearer", "token": "{{secrets.key}}"}}, ("authorization", "Bearer sesame")),
        ({"bearer_token": "{{secrets.key}}"}, ("authorization", "Bearer sesame")),
        ({"auth": {"type": "api_key", "header": "X-Key", "key": "{{secrets.key}}"}}, ("x-key", "sesame")),
        ({"token": "{{secrets.key}}", "headers": {"x-a": "b"}}, ("authorization", "Bearer sesame")),
    ],
)  # fmt: skip
async def test_an_http_request_is_authenticated(auth: Any, header: tuple[str, str]) -> None:
    with serving(lambda request: reply_json({})) as server:
        await call(server.url, "http_request", {"url": "/", **auth}, secrets={"key": "sesame"})
    assert server.requests[0].headers[header[0]] == header[1]


DELAYS: list[tuple[dict[str, Any], float]] = [
    ({"duration": 20, "unit": "ms"}, 0.02),
    ({"delay_ms": 20}, 0.02),
    ({"seconds": 0.02}, 0.02),
    ({"duration": "PT0.02S"}, 0.02),
    ({"duration": {"milliseconds": 20}}, 0.02),
    ({"delay": "20 ms"}, 0.02),
    ({"amount": "{{input.n}}", "unit": "milliseconds"}, 0.02),
    ({"delay_seconds": "0.02"}, 0.02),
    ({"for": 0.02}, 0.02),
]


@pytest.mark.parametrize(("config", "seconds"), DELAYS)
async def test_a_delay(config: dict[str, Any], seconds: float) -> None:
    ran = await run(one("delay", **config), {"n": 20})
    assert ran.output == {"waited": pytest.approx(seconds)}


def test_long_delays_are_the_durations_that_they_name() -> None:
    for config, seconds in [({"minutes": 5}, 300), ({"duration": 2, "unit": "hours"}, 7200), ({"duration": "P1DT2H"}, 93600)]:  # fmt: skip
        node = compiled(one("delay", **config)).plan.nodes["a"].configuration.raw
        assert node["for"] == seconds


VARIABLES: list[tuple[dict[str, Any], Any]] = [
    ({"name": "n", "value": "{{input.n}}"}, {"n": 5}),
    ({"variable_name": "n", "value": "7", "type": "number"}, {"n": 7}),
    ({"variables": {"n": 1, "list": [2]}}, {"n": 1, "list": [2]}),
    (
        {"assignments": [{"name": "n", "value": 1}, {"variable": "m", "value": "x"}]},
        {"n": 1, "m": "x"},
    ),
    ({"name": "n", "operation": "increment"}, {"n": 3}),
    ({"name": "n", "operation": "increment", "amount": "{{input.n}}"}, {"n": 7}),
    ({"name": "n", "operation": "decrement", "by": 2}, {"n": 0}),
    ({"name": "list", "operation": "append", "value": "{{input.n}}"}, {"list": ["a", 5]}),
    ({"name": "list", "operation": "append", "value": "it's"}, {"list": ["a", "it's"]}),
    ({"name": "n", "operation": "clear"}, {"n": None}),
    ({"name": "list", "operation": "get"}, ["a"]),
]


@pytest.mark.parametrize(("config", "output"), VARIABLES)
async def test_a_variable(config: dict[str, Any], output: Any) -> None:
    workflow = {**one("variable", **config), "variables": {"n": 2, "list": ["a"]}}
    assert (await run(workflow, {"n": 5})).output == output


async def test_a_sub_workflow_and_its_input() -> None:
    stored = [("greet", "1", {"input": {"name": "string"}, "nodes": [{"id": "g", "type": "template", "config": {"template": "Hi {{input.name}}"}}]})]  # fmt: skip
    for config in (
        {"workflow_id": "greet", "inputs": {"name": "{{input.name}}"}},
        {"sub_workflow_id": "greet", "input_mapping": {"name": "{{input.name}}"}, "wait_for_completion": True},
        {"workflow": "greet", "parameters": {"name": "{{input.name}}"}, "version": 1},
        {"definition": stored[0][2], "input_data": {"name": "{{input.name}}"}},
    ):  # fmt: skip
        ran = await run(compiled(one("sub_workflow", **config), stored=stored), {"name": "Ada"})
        assert ran.output == {"text": "Hi Ada"}
    found = codes(one("sub_workflow", workflow_id="greet", output_mapping={"a": "b"}))
    assert ("unknown-key", "/nodes/0/config/output_mapping") in found
    assert (
        codes(one("sub_workflow", workflow_id="greet", **{"async": True}))[0][0] == "invalid-value"
    )


async def test_a_connector_by_the_names_of_its_users() -> None:
    with serving(lambda request: reply_json({"name": "x"})) as server:
        spec = document(server.url)
        config = {
            "openapi_spec": spec,
            "operation_id": "getPet",
            "parameters": {"id": "{{input.n}}"},
        }
        client = HttpClient(LOOPBACK)
        ran = await run(one("connector", **config), {"n": 7}, {HttpClient: client})
        await client.aclose()
    assert ran.output["body"] == {"name": "x"}
    assert server.requests[0].path.endswith("/7")
    found = check_workflow(
        from_data(one("connector", connector_type="slack", action="post")), registry()
    )
    assert found[0].message == "There is no connector 'slack'."
    assert found[0].hint is not None and "OpenAPI" in found[0].hint


class Fails(Node):
    """Fail the first times, as the input says."""

    type = "fails"
    times: int = 1

    async def run(self, context: Context) -> Any:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        if turns[context.node_id] <= self.times:
            raise NodeError("broken", "It broke.")
        return {"text": "worked"}


def handled(times: int, chain: bool, **config: Any) -> Any:
    nodes = [
        {"id": "work", "type": "fails", "config": {"times": times}},
        {"id": "guard", "type": "error_handler", "config": config},
        {"id": "after", "type": "output"},
    ]
    edges = [{"source": "work", "target": "guard"}, {"source": "guard", "target": "after"}]
    if not chain:
        edges = [{"source": "work", "target": "after"}, {"source": "guard", "target": "after"}]
    return compiled({"nodes": nodes, "edges": edges}, Fails)


ERROR = {
    "node": "work", "code": "broken", "message": "It broke.", "attempts": 1, "status": None,
    "body": None,
}  # fmt: skip
HANDLED: list[tuple[int, dict[str, Any], Any]] = [
    (1, {}, ERROR),
    (0, {}, {"text": "worked"}),
    (1, {"fallback_value": {"text": "instead"}}, {"text": "instead"}),
    (1, {"strategy": "continue", "default_output": None}, None),
    (1, {"strategy": "retry", "max_retries": 1, "retry_delay": 0.001}, {"text": "worked"}),
    (3, {"max_retries": 1, "retry_delay": "1ms"}, {**ERROR, "attempts": 2}),
    (1, {"message": "Sorry: {{error.code}}", "log_errors": True}, {"message": "Sorry: broken", "error": ERROR}),
    (1, {"action": "fallback", "fallback": "{{error.message}}"}, "It broke."),
]  # fmt: skip


@pytest.mark.parametrize("chain", [True, False])
@pytest.mark.parametrize(("times", "config", "output"), HANDLED)
async def test_an_error_handler(
    times: int, config: dict[str, Any], output: Any, chain: bool
) -> None:
    named = config if chain else {**config, "handles": ["work"]}
    ran = await run(handled(times, chain, **named))
    assert (ran.output if chain else next(iter(ran.output.values()))) == output
    worked = output == {"text": "worked"}
    assert ran.times("node.skipped")["guard"] == worked


async def test_an_error_handler_that_fails_the_run_says_why() -> None:
    with pytest.raises(NodeFailed, match="Stopped: It broke"):
        await run(handled(1, True, strategy="fail", message="Stopped: {{error.message}}"))


async def test_the_last_node_may_be_guarded() -> None:
    for handles in ({}, {"handles": ["work"]}):
        nodes = [
            {"id": "work", "type": "fails", "config": {"times": "{{input.n}}"}},
            {"id": "guard", "type": "error_handler", "config": handles},
        ]
        edges = [] if handles else [{"source": "work", "target": "guard"}]
        workflow = compiled({"nodes": nodes, "edges": edges}, Fails)
        assert (await run(workflow, {"n": 0})).output == {"text": "worked"}
        assert (await run(workflow, {"n": 1})).output == ERROR


async def test_an_error_handler_that_names_no_nodes_guards_all_before_it() -> None:
    nodes = [
        {"id": "begin", "type": "trigger"},
        {"id": "one", "type": "fails", "config": {"times": "{{input.one}}"}},
        {"id": "two", "type": "fails", "config": {"times": "{{input.two}}"}},
        {"id": "guard", "type": "error_handler", "config": {"fallback": "{{error.node}}"}},
        {"id": "after", "type": "template", "config": {"template": "{{guard.output}} failed"}},
    ]
    edges = [{"source": "begin", "target": "one"}, {"source": "one", "target": "two"}, {"source": "guard", "target": "after"}]  # fmt: skip
    workflow = compiled({"nodes": nodes, "edges": edges}, Fails)
    assert workflow.diagnostics == ()
    for given, output in (
        ({"one": 0, "two": 0}, {"text": "worked"}),
        ({"one": 1, "two": 0}, {"text": "one failed"}),
        ({"one": 0, "two": 1}, {"text": "two failed"}),
    ):
        assert (await run(workflow, given)).output == output


async def test_the_tools_of_an_agent_have_such_types_too() -> None:
    tool = {"id": "ask", "type": "http_request", "description": "Ask.", "config": {"endpoint": "http://x.example", "params": {"q": "{{arguments.q}}"}}}  # fmt: skip
    plan = compiled(one("agent", prompt="Hi", tools=[tool])).plan.nodes["a"]
    assert plan.body is not None
    assert plan.body.nodes["ask"].configuration.raw["query"] == {"q": "{{arguments.q}}"}
    assert plan.tools[0].parameters["properties"].keys() == {"q"}


async def test_an_error_handler_among_steps() -> None:
    steps = {
        "work": {"type": "fails", "input": {"times": "{{input.n}}"}},
        "guard": {"type": "error_handler", "input": {"fallback": {"text": "else"}}, "depends_on": ["work"]},
        "last": {"type": "process", "input": {"rules": [{"type": "uppercase", "field": "text"}]}, "depends_on": ["guard"]},
    }  # fmt: skip
    workflow = compiled({"steps": steps}, Fails)
    assert (await run(workflow, {"n": 0})).output == {"text": "WORKED"}
    assert (await run(workflow, {"n": 1})).output == {"text": "ELSE"}


def test_what_an_error_handler_does_not_know_is_refused_at_its_place() -> None:
    def found(**config: Any) -> list[tuple[str, str]]:
        nodes = [
            {"id": "a", "type": "note"},
            {"id": "h", "type": "error_handler", "config": config},
        ]
        return codes({"nodes": nodes, "edges": [{"source": "a", "target": "h"}]})

    assert found(handles=["b"])[0] == ("unknown-node", "/nodes/1/config")
    assert found(colour=1)[0] == ("unknown-key", "/nodes/1/config/colour")
    assert found(strategy="shrug")[0] == ("invalid-value", "/nodes/1/config")
    assert found(max_retries="many")[0] == ("invalid-value", "/nodes/1/config")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.aclose()


STEPS = """
steps:
  read: {type: file_reader, input: {file_path: guide.md, file_type: markdown, encoding: utf-8}}
  cut: {type: text_chunking, input: {chunk_size: 64, chunk_overlap: 8, strategy: markdown}, depends_on: [read]}
  embed: {type: embedding_generation, input: {provider: offline, model: wordllama}, depends_on: [cut]}
  keep: {type: vector_storage, input: {collection_name: guides}, depends_on: [embed]}
"""


async def test_documents_flow_along_a_chain_of_steps(world: World) -> None:
    services = {Knowledge: world.knowledge}
    steps = yaml.safe_load(STEPS.replace("{provider: offline, model: wordllama}", "{}"))
    ran = await run(steps, services=services)
    assert ran.output["collection"] == "guides"
    assert ran.output["source"].endswith("guide.md") and ran.output["passages"] >= 2
    ask = {
        "use_rag": "{{input.wants}}",
        "knowledge_base": "guides",
        "question": "{{input.q}}",
        "top_k": 1,
    }
    edges = {"rag_branch": "cite", "direct_path": "plain"}
    nodes = [
        {"id": "ask", "type": "rag_switch", "config": {**ask, **edges}},
        {
            "id": "cite",
            "type": "template",
            "config": {"template": "{{ask.output.passages[0].text}}"},
        },
        {"id": "plain", "type": "template", "config": {"template": "{{ask.output.used}}"}},
    ]
    found = await run({"nodes": nodes}, {"q": "What does a berth cost?", "wants": True}, services)
    assert "twelve crowns" in found.output["text"]
    found = await run({"nodes": nodes}, {"q": "What does a berth cost?", "wants": False}, services)
    assert found.output == {"text": "false"}


def test_the_model_of_embeddings_has_its_provider() -> None:
    plan = compiled(STEPS).plan
    assert plan.nodes["embed"].configuration.raw["model"] == "offline/wordllama"
    assert plan.nodes["keep"].configuration.raw["model"] == "{{embed.output.model}}"


async def test_an_ocr_switch_reads_text_as_it_is(world: World) -> None:
    (world.docs / "scan.txt").write_text("x")
    nodes = [
        {"id": "read", "type": "ocr_switch", "config": {"file_path": "guide.md", "enabled": "auto", "text_path": "plain", "ocr_path": "scan"}},
        {"id": "plain", "type": "template", "config": {"template": "{{read.output.characters > 50}}"}},
        {"id": "scan", "type": "template", "config": {"template": "scanned"}},
    ]  # fmt: skip
    services = {Knowledge: world.knowledge}
    assert (await run({"nodes": nodes}, services=services)).output == {"text": "true"}
    never = one("ocr_switch", file_path="scan.txt", enabled=False)
    ran = await run(never, services=services)
    assert (ran.output["text"], ran.output["branch"], ran.output["used_ocr"]) == (
        "x",
        "text",
        False,
    )


@pytest.mark.parametrize("word", sorted(FAMILIAR))
def test_an_unknown_field_is_refused_at_its_place_with_a_hint(word: str) -> None:
    found = check_workflow(from_data(one(word, colour="blue")), registry())
    [unknown] = [each for each in found if each.at.pointer == "/nodes/0/config/colour"]
    assert (unknown.code, unknown.severity) == ("unknown-key", "error")
    assert unknown.hint


def test_problems_are_in_the_words_of_the_author_and_at_their_lines() -> None:
    text = """
nodes:
  - id: call
    type: http_request
    config:
      url: http://x.example
      timeout_seconds: soon
      params: {a: "{{inptu.a}}"}
      data: 1
      payload: 2
"""
    found = {d.code: d for d in check_workflow(read_text(text, "f.yaml"), registry())}
    assert (found["invalid-value"].at.line, found["invalid-value"].message[:17]) == (
        7,
        "'timeout_seconds'",
    )
    assert (found["unknown-key"].at.line, found["unknown-key"].message) == (
        10,
        "'payload' and 'data' mean the same.",
    )
    fine = text.replace("soon", "5").replace("      payload: 2\n", "")
    [wrong] = check_workflow(read_text(fine, "f.yaml"), registry())
    assert (wrong.code, wrong.at.line) == ("unknown-reference", 8)


def test_a_type_of_a_plug_in_comes_first() -> None:
    class Delay(Node):
        """Another delay."""

        type = "delay"
        ticks: int

        async def run(self, context: Context) -> int:
            return self.ticks

    found = compiled(one("delay", ticks=3), Delay).plan.nodes["a"]
    assert (found.node_type, found.configuration.raw) == (Delay, {"ticks": 3})
    assert "delay" not in familiar_words(registry(Delay))


def test_editors_know_the_words() -> None:
    schema = definition_schema(registry())
    words = schema["$defs"]["NodeDefinition"]["properties"]["type"]["enum"]
    assert {*FAMILIAR, "error_handler"} <= set(words)
    found = check_workflow(from_data(one("http_requst", url="x")), registry())
    assert "http_request" in str(found[0].hint)


def test_they_work_in_bodies_and_their_meaning_is_as_written() -> None:
    def workflow(type: str, key: str) -> dict[str, Any]:
        inner = {"id": "b", "type": type, "config": {key: {"n": "{{item}}"}}}
        return one("map", items=[1, 2], body={"nodes": [inner]})

    assert compiled(workflow("variable", "variables")).plan.nodes["a"].body is not None
    # A stored version is found by the hash of what its author wrote.
    assert compiled(one("delay", seconds=1)).hash != compiled(one("delay", seconds=2)).hash


def test_max_retries_among_the_fields_has_its_place_named() -> None:
    found = check_workflow(
        from_data(one("http_request", url="http://x.example", max_retries=3)), registry()
    )
    assert (found[0].code, found[0].hint) == ("unknown-key", "Write it beside `config`.")
