"""The `agent` node: it calls tools in turns, and no model or tool is called twice."""

import json
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from fakes.flows import Ran, compiled, run
from fakes.loopback import Reply, Request, Server, calls, completion, reply_json, serving
from fakes.models import WEATHER, agent, emitted, models_at, results, scripted
from fakes.segments import Run
from flowc.compiler.node.budget import Budget
from flowc.compiler.node.interrupts import Answer, Ask
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import Models
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.monty_engine import MontyEngine
from flowc.nodes.standalone import Host

pytestmark = pytest.mark.usefixtures("granularity")


async def ran(server: Server, workflow: Any, **more: Any) -> Ran:
    services = {Models: models_at(server), **more.pop("services", {})}
    return await run(workflow, {}, services, **more)


async def test_a_tool_is_called_and_the_model_answers() -> None:
    with scripted(calls(("get_weather", {"city": "Rome"})), completion("Sunny.")) as server:
        found = await ran(server, agent(WEATHER))
    first, second = server.requests
    assert first.json["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather in a city.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            },
        }
    ]
    assert second.json["messages"][1]["tool_calls"][0]["id"] == "call_0"
    assert results(second) == ["Rome: sunny"]
    assert found.output["text"] == "Sunny."
    assert found.output["turns"] == 2
    assert found.output["calls"] == [{"tool": "get_weather", "arguments": {"city": "Rome"}}]
    assert found.output["usage"]["total_tokens"] == 20
    assert emitted(found, "tool_call") == [
        {"id": "call_0", "tool": "get_weather", "arguments": {"city": "Rome"}}
    ]
    assert emitted(found, "tool_result") == [{"id": "call_0", "result": "Rome: sunny"}]
    completed = [(e.path, e.node_id) for e in found.events if e.kind == "node.completed"]
    assert completed == [("helper#0/1.0/", "get_weather"), ("", "helper")]


async def test_calls_of_one_turn_run_at_the_same_time() -> None:
    pause = {"id": "pause", "type": "wait", "config": {"for": 0.3}}
    both = calls(("pause", {}), ("pause", {}))
    with scripted(both, completion("Done.")) as server:
        found = await ran(server, agent(pause))
        kinds = [e.kind for e in found.events if e.node_id == "pause"]
        assert kinds[:2] == ["node.started", "node.started"]
    with scripted(both, completion("Done.")) as server:
        found = await ran(server, agent(pause, parallel=False))
        kinds = [e.kind for e in found.events if e.node_id == "pause" and e.kind != "node.said"]
        assert kinds == ["node.started", "node.completed"] * 2


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (("nothing", {}), "There is no tool 'nothing': get_weather."),
        (("get_weather", "{no json"), "The arguments are not JSON."),
        (("get_weather", "[1]"), "The arguments are no JSON object."),
        (("get_weather", '{"city": NaN}'), "The arguments are not JSON."),
        (("get_weather", '{"city": "\\ud800"}'), "The arguments are not JSON."),
        (
            ("get_weather", {"city": 1}),
            "The arguments do not fit: city: 1 is not of type 'string'.",
        ),
        (
            ("get_weather", {}),
            "The arguments do not fit: arguments: 'city' is a required property.",
        ),
    ],
)
async def test_the_model_gets_the_reason_why_a_call_cannot_be_made(call: Any, reason: str) -> None:
    with scripted(calls(call), completion("Sorry.")) as server:
        found = await ran(server, agent(WEATHER))
    assert json.loads(results(server.requests[1])[0]) == {"error": reason}
    assert found.output["text"] == "Sorry."
    assert found.output["calls"][0]["error"] == reason


async def test_the_error_of_a_tool_reaches_the_model_or_fails_the_agent() -> None:
    broken = {"id": "broken", "type": "fail", "config": {"message": "No such order."}}
    with scripted(calls(("broken", {})), completion("Sorry.")) as server:
        await ran(server, agent(broken))
        assert json.loads(results(server.requests[1])[0]) == {"error": "No such order."}
    with (
        scripted(calls(("broken", {}))) as server,
        pytest.raises(NodeFailed, match="No such order"),
    ):
        await ran(server, agent(broken, on_tool_error="fail"))


async def test_an_agent_without_an_answer_fails_at_its_limits() -> None:
    endless = calls(("get_weather", {"city": "Rome"}))
    for config, what in (
        ({"max_turns": 3}, "limit of 3 turns"),
        ({"max_calls": 2}, "limit of 2 calls of tools"),
        ({"max_total_tokens": 25}, "limit of 25 tokens"),
        ({"max_cost": 0.001}, "limit of 0.001 US dollars"),
    ):
        with scripted(endless) as server, pytest.raises(NodeFailed, match=what) as caught:
            await ran(server, agent(WEATHER, **config))
        assert caught.value.code == "agent-limit"
        assert len(server.requests) in {2, 3}


async def test_at_its_limit_an_agent_can_answer_with_what_it_knows() -> None:
    def answer(request: Request) -> Reply:
        is_last = request.json.get("tool_choice") == "none"
        return completion("Sunny.") if is_last else calls(("get_weather", {"city": "Rome"}))

    with serving(answer) as server:
        found = await ran(server, agent(WEATHER, max_turns=2, on_limit="answer"))
    assert (found.output["text"], len(server.requests)) == ("Sunny.", 3)
    assert emitted(found, "limit") == [{"reached": "2 turns"}]


async def test_an_agent_fails_after_its_max_time() -> None:
    slow = {"id": "slow", "type": "wait", "config": {"for": 30}}
    with scripted(calls(("slow", {}))) as server, pytest.raises(NodeFailed) as caught:
        await ran(server, agent(slow, max_time=0.3))
    assert caught.value.code == "agent-limit"


async def test_the_final_answer_matches_its_schema() -> None:
    schema = {"city": "string", "sunny": "boolean"}
    good = completion(json.dumps({"city": "Rome", "sunny": True}))
    with scripted(
        calls(("get_weather", {"city": "Rome"})), completion("It is sunny."), good
    ) as server:
        found = await ran(server, agent(WEATHER, output_schema=schema))
    assert (found.output["city"], found.output["sunny"]) == ("Rome", True)
    assert "does not fit" in server.requests[2].json["messages"][-1]["content"]
    with scripted(completion("No.")) as server, pytest.raises(NodeFailed) as caught:
        await ran(server, agent(WEATHER, output_schema=schema))
    assert caught.value.code == "answer-does-not-fit"


async def test_an_answer_that_no_pattern_fits_is_refused_at_once() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "pattern": "^(a+)+$"}}}
    answer = completion(json.dumps({"city": "a" * 40 + "!"}))
    with scripted(answer) as server, pytest.raises(NodeFailed) as caught:
        await ran(server, agent(WEATHER, output_schema=schema))
    assert caught.value.code == "answer-does-not-fit"
    assert "does not match '^(a+)+$'" in server.requests[1].json["messages"][-1]["content"]


async def test_an_answer_that_takes_too_long_to_check_fails_the_agent() -> None:
    either = {"anyOf": [*({"const": n} for n in range(1_000)), {"const": -1}]}
    schema = {"type": "object", "properties": {"x": {"type": "array", "items": either}}}
    answer = completion(json.dumps({"x": [-1] * 5_000}))
    with scripted(answer) as server, pytest.raises(NodeFailed) as caught:
        await ran(server, agent(WEATHER, output_schema=schema))
    assert (caught.value.code, len(server.requests)) == ("validation-too-costly", 1)


async def test_an_agent_does_not_exceed_the_budget() -> None:
    endless = calls(("get_weather", {"city": "Rome"}))
    with scripted(endless) as server, pytest.raises(NodeFailed) as caught:
        await ran(server, agent(WEATHER, max_tokens=10), budget=Budget(None, 400))
    assert caught.value.code == "budget-exceeded"


PYTHON = """
def process(a: int, b: int = 2, *, how: Literal["add", "multiply"] = "add", note: str | None = None):
    return a + b if how == "add" else a * b
"""


async def test_a_tool_has_the_parameters_of_its_function_or_workflow() -> None:
    code = {"id": "count", "type": "code", "config": {"code": PYTHON}}
    inner = {
        "input": {"order": "string"},
        "description": "Look an order up.",
        "nodes": [{"id": "say", "type": "template", "config": {"template": "{{input.order}}!"}}],
    }
    sub = {"id": "find_order", "type": "subworkflow", "config": {"workflow": inner}}
    own = {**WEATHER, "parameters": {"city": "string", "day": "string?"}}
    asked = calls(("count", {"a": 3, "how": "multiply"}), ("find_order", {"order": "7"}))
    sandboxes = Sandboxes((MontyEngine(),))
    with scripted(asked, completion("Done.")) as server:
        await ran(server, agent(code, sub, own), services={Sandboxes: sandboxes})
    await sandboxes.aclose()
    found = {t["function"]["name"]: t["function"] for t in server.requests[0].json["tools"]}
    assert found["count"]["parameters"] == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "integer"},
            "how": {"enum": ["add", "multiply"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["a"],
    }
    assert found["find_order"]["description"] == "Look an order up."
    assert set(found["find_order"]["parameters"]["properties"]) == {"order"}
    assert set(found["get_weather"]["parameters"]["properties"]) == {"city", "day"}
    assert results(server.requests[1]) == ["6", '{"text": "7!"}']


async def test_an_agent_can_be_a_tool_of_another() -> None:
    expert = {
        "id": "expert",
        "type": "agent",
        "description": "Knows the weather.",
        "config": {"model": "m", "prompt": "{{arguments.question}}", "tools": [WEATHER]},
    }
    with scripted(
        calls(("expert", {"question": "Rome?"})),
        calls(("get_weather", {"city": "Rome"})),
        completion("Sunny in Rome."),
        completion("The expert says: sunny."),
    ) as server:
        found = await ran(server, agent(expert))
    assert results(server.requests[3]) == ["Sunny in Rome."]
    assert found.output["text"] == "The expert says: sunny."


async def test_the_offline_agent_calls_the_matching_tool_without_a_key() -> None:
    other = {**WEATHER, "id": "get_time", "description": "The time in a zone."}
    workflow = agent(other, WEATHER, model="offline/agent", prompt="What weather is it?")
    found = await run(workflow, {}, {Models: Models()})
    assert found.output["text"] == "What weather is it?: sunny"
    workflow = agent(WEATHER, model="offline/agent", stream=True)
    found = await run(workflow, {}, {Models: Models()})
    assert found.output["text"] == "Weather in Rome?: sunny"


APPROVED = {**WEATHER, "approval": True}


async def test_a_person_allows_a_call_and_the_model_is_not_asked_again() -> None:
    asked = calls(("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Oslo"}))
    again = calls(("get_weather", {"city": "Bern"}))
    with scripted(asked, again, completion("Sunny.")) as server:
        going = Run(agent(APPROVED), {Models: models_at(server)})
        await going.resume()
        assert len(server.requests) == 1
        rome, oslo = going.asked
        shown = going.asked[rome]["data"]
        assert shown["title"] == "Allow get_weather?"
        assert shown["data"] == {"tool": "get_weather", "arguments": {"city": "Rome"}}
        answers = {rome: Answer({"choice": "approve"})}
        await going.resume(answers)
        assert [*going.asked] == [oslo]
        answers[oslo] = Answer({"choice": "reject", "note": "Too cold."})
        await going.resume(answers)
        [bern] = going.asked
        assert bern not in answers
        answers[bern] = Answer("approve")
        await going.resume(answers)
    assert len(server.requests) == 3
    assert results(server.requests[1]) == [
        "Rome: sunny",
        '{"error": "A person did not allow this call. They say: Too cold."}',
    ]
    assert going.output["text"] == "Sunny."
    assert going.output["usage"]["total_tokens"] == 30
    tools = [e for e in going.events if e.node_id == "get_weather" and e.kind == "node.completed"]
    assert [e.data["output"] for e in tools] == [{"text": "Rome: sunny"}, {"text": "Bern: sunny"}]
    called = [e.data["kind"] for e in going.events if e.kind == "node.said"]
    assert called.count("tool_call") == 3


async def test_an_exported_agent_waits_by_langgraphs_interrupt() -> None:
    workflow = compiled(agent(APPROVED, model="offline/agent", prompt="What weather?"))
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(workflow.exported(), "exported.py", "exec"), module)
    graph: Any = module["graph"]
    graph.checkpointer = InMemorySaver()
    host = Host(services={Models: Models()})
    config = {"configurable": {"thread_id": "t"}}
    asked = await graph.ainvoke({"input": {}, "outputs": {}}, config, context=host)
    [waits] = asked["__interrupt__"]
    assert waits.value["title"] == "Allow get_weather?"
    done = await graph.ainvoke(Command(resume="approve"), config, context=host)
    assert done["outputs"]["helper"]["text"] == "What weather?: sunny"


async def test_a_tool_can_ask_a_person() -> None:
    ask = {"id": "ask_user", "type": "human", "config": {"form": {"city": "string"}}}
    with scripted(calls(("ask_user", {})), completion("Rome it is.")) as server:
        going = Run(agent(ask), {Models: models_at(server)})
        await going.resume()
        [id] = going.asked
        await going.resume({id: Answer({"city": "Rome"})})
    assert json.loads(results(server.requests[1])[0])["city"] == "Rome"
    assert len(server.requests) == 2


async def test_the_run_continues_at_once_if_a_person_is_present() -> None:
    async def approve(ask: Ask) -> Answer:
        return Answer("approve")

    with scripted(calls(("get_weather", {"city": "Rome"})), completion("Sunny.")) as server:
        found = await ran(server, agent(APPROVED), wait_for=approve)
    assert found.output["text"] == "Sunny."


SECRET = "s3cr3t-0123456789"


async def test_secrets_that_a_tool_uses_do_not_reach_the_model() -> None:
    def echo(request: Request) -> Reply:
        return reply_json({"your key": request.headers["k"]})

    with serving(echo) as service:
        config = {"url": f"{service.url}/{{{{arguments.x}}}}", "headers": {"k": "{{secrets.k}}"}}
        tool = {"id": "ask", "type": "http", "config": config}
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": [service.port]}))
        with scripted(calls(("ask", {"x": "1"})), completion("Done.")) as server:
            services = {HttpClient: client}
            found = await ran(server, agent(tool), services=services, secrets={"k": SECRET})
        await client.aclose()
    assert service.requests[0].headers["k"] == SECRET
    assert json.loads(results(server.requests[1])[0])["body"] == {"your key": "[secret]"}
    assert SECRET not in server.requests[1].body.decode()
    assert SECRET not in json.dumps([event.data for event in found.events])


@pytest.mark.parametrize("schema", [None, {"text": "string"}])
async def test_a_tool_can_have_the_name_answer(schema: Any) -> None:
    tool = {**WEATHER, "id": "answer"}
    final = completion(json.dumps({"text": "Sunny."}))
    with scripted(calls(("answer", {"city": "Rome"})), final) as server:
        found = await ran(server, agent(tool, output_schema=schema))
    assert results(server.requests[1]) == ["Rome: sunny"]
    assert found.output["turns"] == 2


BAD = [
    ([{**WEATHER, "depends_on": ["x"]}], "invalid-value"),
    ([{**WEATHER, "config": {"template": "{{arguments.town}}"}, "parameters": {"city": "string"}}],
     "unknown-argument"),
    ([{**WEATHER, "approvel": True}], "unknown-key"),
    ([WEATHER, WEATHER], "duplicate-id"),
    ([{**WEATHER, "type": "tempalte"}], "unknown-node-type"),
    ([{**WEATHER, "config": {"template": "{{nowhere.output}}"}}], "unknown-reference"),
]  # fmt: skip


@pytest.mark.parametrize(("tools", "code"), BAD, ids=[code for _, code in BAD])
def test_wrong_tools_are_reported_before_a_run(tools: Any, code: str) -> None:
    from flowc.compiler.check import check_workflow
    from flowc.compiler.node.registry import Registry
    from flowc.compiler.reading.documents import from_data

    found = check_workflow(from_data(agent(*tools)), Registry.installed())
    assert [d.code for d in found if d.severity == "error"] == [code]
    [error] = [d for d in found if d.severity == "error"]
    assert error.at.pointer.startswith("/nodes/0/config/tools/")
