"""Nodes of a run share what they are asked and answer by a name, and agents hand over."""

from typing import Any

import pytest

from fakes.flows import compiled, run
from fakes.loopback import Request, calls, completion
from fakes.models import emitted, models_at, scripted
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import Models

pytestmark = pytest.mark.usefixtures("granularity")
TEAM = {"shared": "team"}


def node(id: str, kind: str = "llm", after: str | None = None, **config: Any) -> dict[str, Any]:
    edges = {"depends_on": [after]} if after else {}
    return {"id": id, "type": kind, "config": {"model": "m", "prompt": f"{id}?", **config}, **edges}


def said(request: Request) -> list[str]:
    return [f"{m['role']} {m.get('name', '-')} {m['content']}" for m in request.json["messages"]]


async def test_nodes_with_the_same_name_share_their_messages() -> None:
    nodes = [
        node("a", memory=TEAM, system="Be short."),
        node("b", "agent", "a", memory=TEAM),
        node("c", "llm", "b", memory={"shared": "other"}),
        node("d", "llm", "c", memory=TEAM),
        {
            "id": "e",
            "type": "template",
            "depends_on": ["d"],
            "config": {"template": "{{variables.team|length}} {{variables.other[1].content}}"},
        },
    ]
    with scripted(*(completion(f"{name}!") for name in "abcd")) as server:
        ran = await run({"nodes": nodes}, services={Models: models_at(server)})
    assert [said(request) for request in server.requests] == [
        ["system - Be short.", "user - a?"],
        ["user - a?", "assistant a a!", "user - b?"],
        ["user - c?"],
        ["user - a?", "assistant a a!", "user - b?", "assistant b b!", "user - d?"],
    ]
    assert ran.output == {"text": "6 c!"}


async def test_turns_of_a_loop_share_their_messages() -> None:
    body = {"nodes": [node("say", memory=TEAM, prompt="{{item}}?")]}
    loop = {"id": "each", "type": "loop", "config": {"for_each": [1, 2, 3], "body": body}}
    with scripted(completion("yes")) as server:
        await run({"nodes": [loop]}, services={Models: models_at(server)})
    assert said(server.requests[2]) == [
        "user - 1?", "assistant say yes", "user - 2?", "assistant say yes", "user - 3?",
    ]  # fmt: skip


async def test_a_supervisor_and_its_agents_share_one_memory() -> None:
    workers = [
        {**node(id, "agent", memory=TEAM, prompt="{{arguments.task}}"), "description": f"For {id}."}
        for id in ("writer", "reader")
    ]
    boss = node("boss", "agent", tools=workers, memory=TEAM, parallel=False)
    script = [
        calls(("writer", {"task": "Write."})),
        completion("A poem."),
        calls(("reader", {"task": "Read."})),
        completion("It is good."),
        completion("Done."),
    ]
    with scripted(*script) as server:
        ran = await run({"nodes": [boss, {"id": "t", "type": "template", "depends_on": ["boss"], "config": {"template": "{{variables.team|map(attribute='content')|join(' ')}}"}}]}, services={Models: models_at(server)})  # fmt: skip
    assert said(server.requests[3]) == ["user - Write.", "assistant writer A poem.", "user - Read."]
    assert ran.output == {"text": "Write. A poem. Read. It is good. boss? Done."}


@pytest.mark.parametrize(
    ("memory", "sent"),
    [
        ({"max_messages": 2}, ["user - b?", "assistant b b!", "user - c?"]),
        ({"max_messages": 3}, ["user - b?", "assistant b b!", "user - c?"]),
        ({"max_messages": 1}, ["user - c?"]),
        ({"max_messages": 50, "max_tokens": 1}, ["user - c?"]),
    ],
)
async def test_a_memory_is_limited_by_messages(memory: Any, sent: list[str]) -> None:
    nodes = [
        node("a", memory=TEAM),
        node("b", "llm", "a", memory=TEAM),
        node("c", "llm", "b", memory={**TEAM, **memory}),
    ]
    with scripted(*(completion(f"{name}!") for name in "abc")) as server:
        await run({"nodes": nodes}, services={Models: models_at(server)})
    assert said(server.requests[2]) == sent


async def test_the_messages_that_a_caller_sends_are_limited_by_number() -> None:
    roles = ("user", "assistant", "user", "assistant", "user")
    messages = [{"role": role, "content": str(n)} for n, role in enumerate(roles)]
    ask = node("ask", memory={"max_messages": 2}, prompt="now")
    with scripted(completion("ok")) as server:
        services = {Models: models_at(server)}
        await run({"nodes": [ask]}, {"messages": messages}, services)
    assert said(server.requests[0]) == ["user - 2", "assistant - 3", "user - now"]


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([node("a", memory={"shared": "no name"})], "invalid-value"),
        ([node("a", memory={"shared": "team", "summarize": True})], "invalid-value"),
        ([node("a", memory=TEAM), node("b", memory=TEAM)], "concurrent-writers"),
        ([node("a", memory={"share": "team"})], "unknown-key"),
        ([node("a", "agent", handoffs=["nowhere"])], "unknown-node"),
    ],
)
def test_what_cannot_be_shared_is_refused(nodes: list[Any], code: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        compiled({"nodes": nodes})
    assert code in {each.code for each in caught.value.diagnostics}


async def test_a_variable_of_another_kind_is_no_memory() -> None:
    workflow = {"variables": {"team": 3}, "nodes": [node("a", memory=TEAM)]}
    with scripted(completion("ok")) as server, pytest.raises(NodeFailed) as caught:
        await run(workflow, services={Models: models_at(server)})
    assert caught.value.code == "not-a-memory"


def swarm(**more: Any) -> dict[str, Any]:
    return {
        "nodes": [
            node("triage", "agent", handoffs={"billing": "Invoices.", "tech": ""}, memory=TEAM),
            node("billing", "agent", handoffs=["tech"], memory=TEAM, **more),
            node("tech", "agent", handoffs=["billing"], memory=TEAM),
            {
                "id": "finish",
                "type": "template",
                "config": {"template": "{{variables.team[-1].content}}"},
            },
        ],
        "edges": [
            {"source": name, "target": "finish", "branch": "answer"}
            for name in ("triage", "billing", "tech")
        ],
    }


async def test_an_agent_hands_over_to_another() -> None:
    script = [
        calls(("transfer_to_billing", {"reason": "It is an invoice."})),
        calls(("transfer_to_tech", {"reason": "The page is broken."})),
        calls(("transfer_to_billing", {})),
        completion("Solved."),
    ]
    with scripted(*script) as server:
        ran = await run(swarm(), services={Models: models_at(server)})
    assert ran.output == {"text": "Solved."}
    assert ran.outputs["billing"]["handoff"] is None
    assert ran.times() == {"triage": 1, "billing": 2, "tech": 1, "finish": 1}
    assert [each["to"] for each in emitted(ran, "handoff")] == ["billing", "tech", "billing"]
    tools = server.requests[0].json["tools"]
    assert [each["function"]["name"] for each in tools] == [
        "transfer_to_billing",
        "transfer_to_tech",
    ]
    assert "Invoices." in tools[0]["function"]["description"]
    assert said(server.requests[2])[:4] == [
        "user - triage?", "assistant triage Handed over to billing. It is an invoice.",
        "user - billing?", "assistant billing Handed over to tech. The page is broken.",
    ]  # fmt: skip


async def test_agents_can_begin_at_any_of_them() -> None:
    script = [
        calls(("transfer_to_tech", {})),
        calls(("transfer_to_billing", {})),
        calls(("transfer_to_tech", {})),
        completion("Solved."),
    ]
    with scripted(*script) as server:
        ran = await run(swarm(), services={Models: models_at(server)})
    assert ran.output == {"text": "Solved."}
    assert ran.times() == {"triage": 1, "billing": 1, "tech": 2, "finish": 1}


async def test_an_agent_that_answers_takes_the_branch_answer() -> None:
    workflow = swarm()
    workflow["nodes"].append({"id": "t", "type": "template", "config": {"template": "greeted"}})
    workflow["edges"][:1] = [{"source": "triage", "target": "t", "branch": "answer"}]
    with scripted(completion("Hi.")) as server:
        ran = await run(workflow, services={Models: models_at(server)})
    assert ran.outputs["t"] == {"text": "greeted"}


async def test_an_agent_uses_its_tools_and_then_hands_over() -> None:
    look = {"id": "look", "type": "template", "config": {"template": "found {{arguments.word}}"}}
    workflow = swarm(tools=[look])
    script = [
        calls(("transfer_to_billing", {"reason": "x"})),
        calls(("look", {"word": "it"})),
        calls(("look", {"word": "again"}), ("transfer_to_tech", {"reason": "y"})),
        completion("Done."),
    ]
    with scripted(*script) as server:
        ran = await run(workflow, services={Models: models_at(server)})
    assert ran.outputs["billing"]["handoff"] == "tech"
    assert [call["tool"] for call in ran.outputs["billing"]["calls"]] == ["look"]
    assert (ran.outputs["billing"]["text"], ran.output["text"]) == ("y", "Done.")


async def test_wrong_arguments_of_a_handoff_are_the_models_to_correct() -> None:
    script = [
        calls(("transfer_to_billing", {"reason": 5})),
        calls(("transfer_to_nowhere", {})),
        completion("I answer."),
    ]
    with scripted(*script) as server:
        ran = await run(swarm(), services={Models: models_at(server)})
    assert ran.output["text"] == "I answer."
    assert len(ran.outputs["triage"]["calls"]) == 2
