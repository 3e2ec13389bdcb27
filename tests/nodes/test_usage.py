"""The usage of a node counts every call that was paid for, whatever the node returned."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from fakes.flows import compiled
from fakes.loopback import Server, calls, completion, reply_json, streamed
from fakes.models import WEATHER, agent, models_at, scripted
from fakes.segments import Run
from flowc.compiler.node import Context, Node, NodeError, Outcome
from flowc.compiler.node.budget import Budget
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.running.events import Event
from flowc.compiler.running.run_context import NodeFailed, RunContext
from flowc.nodes.services.models import Models
from flowc.nodes.services.threads import Thread, ThreadMessage

pytestmark = pytest.mark.usefixtures("granularity")

TWICE = {"max_attempts": 2, "initial_delay": 0.001}
NO, GOOD = completion("no"), completion('{"kind": "billing"}')
DOWN = reply_json({"error": {"message": "?"}}, 503)
ROME = calls(("get_weather", {"city": "Rome"}))


def llm(**more: Any) -> dict[str, Any]:
    config = {"model": "m", "prompt": "Classify.", "output_schema": {"kind": "string"}}
    return {"nodes": [{"id": "ask", "type": "llm", "config": config, **more}]}


def classify(**more: Any) -> dict[str, Any]:
    config = {"model": "m", "text": "It is broken.", "labels": ["fault", "question"]}
    return {"nodes": [{"id": "sort", "type": "classify", "config": config, **more}]}


def going(server: Server, workflow: Any, more: Mapping[type, Any] | None = None) -> Run:
    # For this model, the schema is part of a message, and any text is an answer.
    return Run(workflow, {Models: models_at(server, "openai/own"), **(more or {})})


def usages(events: list[Event], kind: str) -> list[Mapping[str, float]]:
    return [event.data.get("usage", {}) for event in events if event.kind == kind]


async def test_answers_of_failed_attempts_count() -> None:
    with scripted(NO, NO, NO, GOOD) as server:
        run = going(server, llm(retry=TWICE))
        await run.resume()
    [used] = usages(run.events, "node.completed")
    assert (used["calls"], used["total_tokens"], len(server.requests)) == (4, 40, 4)
    assert run.output["usage"]["total_tokens"] == 20


async def test_refused_answers_count_if_the_node_fails() -> None:
    for workflow in (llm(retry=TWICE), classify(retry=TWICE)):
        with scripted(NO) as server:
            run = going(server, workflow)
            with pytest.raises(NodeFailed, match="does not match its schema"):
                await run.resume()
        [used] = usages(run.events, "node.failed")
        assert (used["calls"], used["total_tokens"], len(server.requests)) == (4, 40, 4)


async def test_a_failure_that_the_workflow_handles_counts() -> None:
    with scripted(NO) as server:
        run = going(server, llm(on_error="continue"))
        await run.resume()
    [used] = usages(run.events, "node.failed")
    assert (used["calls"], used["prompt_tokens"], used["completion_tokens"]) == (2, 14, 6)


async def test_calls_that_got_no_answer_cost_nothing() -> None:
    with scripted(DOWN) as server:
        run = going(server, llm(retry=TWICE))
        with pytest.raises(NodeFailed):
            await run.resume()
    [failed] = [event for event in run.events if event.kind == "node.failed"]
    assert "usage" not in failed.data
    assert len(server.requests) == 2


async def test_a_fallback_counts_with_what_the_failed_model_answered() -> None:
    # The first model answers with nothing that fits, and is down when it is asked once more.
    workflow = llm()
    workflow["nodes"][0]["config"]["fallbacks"] = ["other"]
    with scripted(NO, DOWN, GOOD) as server:
        models = models_at(server, "openai/own")
        models.aliases["other"] = models.aliases["m"]
        run = Run(workflow, {Models: models})
        await run.resume()
    [used] = usages(run.events, "node.completed")
    assert (used["calls"], used["total_tokens"], len(server.requests)) == (2, 20, 3)


async def test_an_answer_that_broke_off_counts_with_what_was_received() -> None:
    with scripted(streamed(["The ", "capital"], ends=False), streamed(["Paris."])) as server:
        config = {"model": "m", "prompt": "The capital?", "stream": True}
        node = {"id": "ask", "type": "llm", "config": config, "retry": TWICE}
        run = going(server, {"nodes": [node]})
        await run.resume()
    [used] = usages(run.events, "node.completed")
    assert (used["calls"], len(server.requests)) == (2, 2)
    assert used["completion_tokens"] > 1


@pytest.mark.parametrize("limit", [{"max_turns": 2}, {"max_calls": 2}, {"max_total_tokens": 15}])
async def test_an_agent_that_a_limit_stops_counts(limit: dict[str, Any]) -> None:
    with scripted(ROME) as server:
        run = going(server, agent(WEATHER, **limit))
        with pytest.raises(NodeFailed) as caught:
            await run.resume()
    assert caught.value.code == "agent-limit"
    [used] = [
        e.data["usage"] for e in run.events if (e.node_id, e.kind) == ("helper", "node.failed")
    ]
    assert used["calls"] == len(server.requests)
    assert used["total_tokens"] == 10 * len(server.requests)


async def test_an_agent_that_fails_half_way_counts_the_turns_before() -> None:
    with scripted(ROME, DOWN, ROME, completion("Sunny.")) as server:
        workflow = agent(WEATHER)
        workflow["nodes"][0]["retry"] = TWICE
        run = going(server, workflow)
        await run.resume()
    [used] = usages(run.events, "node.completed")[-1:]
    assert (used["calls"], len(server.requests)) == (3, 4)


async def test_an_agent_that_waited_counts_its_turns_once() -> None:
    approved = {**WEATHER, "approval": True}
    with scripted(ROME, completion("Sunny.")) as server:
        run = going(server, agent(approved))
        await run.resume()
        [id] = run.asked
        await run.resume({id: Answer({"choice": "approve"})})
    assert len(server.requests) == 2
    # The first answer counts when the node begins to wait, which can be long.
    [used], [done] = usages(run.events, "node.used"), usages(run.events, "node.completed")[-1:]
    assert (used["calls"], done["calls"]) == (1, 1)
    assert run.usage()[0]["calls"] == 2


async def test_turns_that_a_retried_run_uses_again_do_not_count_again() -> None:
    with scripted(ROME, DOWN, DOWN, completion("Sunny.")) as server:
        run = going(server, agent(WEATHER))
        for _ in range(2):
            with pytest.raises(NodeFailed):
                await run.resume()
        await run.resume()
    assert run.output["text"] == "Sunny."
    # The first turn was asked for once, and its answer was used three times.
    assert len(server.requests) == 4
    assert (run.usage()[0]["calls"], run.usage()[0]["total_tokens"]) == (2, 20)
    assert run.output["usage"]["total_tokens"] == 20


async def test_the_turns_of_a_run_that_was_cut_off_count_in_its_budget() -> None:
    approved = {**WEATHER, "approval": True}
    with scripted(ROME, completion("Sunny.")) as server:
        run = going(server, agent(approved))
        await run.resume()
        [id] = run.asked
        used: list[float] = []

        class Watched(Budget):
            def spent(self, cost: float, tokens: float) -> None:
                used.append(tokens)

        context = RunContext(
            services=run.services, saver=run.saver, is_resumed=True, can_wait=True,
            answers={id: Answer("approve")}, budget=Watched(),
        )  # fmt: skip
        graph: Any = run.workflow.graph
        graph.checkpointer = run.saver
        await graph.ainvoke(None, {"configurable": {"thread_id": "r"}}, context=context)
    assert used[0] == 10


class Conversation(Thread):
    """A thread with more messages than the memory has room for."""

    def __init__(self) -> None:
        self.summarized, self.text = 0, ""

    async def history(self, after: int = 0) -> list[ThreadMessage]:
        said = [
            ThreadMessage(number, "user" if number % 2 else "assistant", "many words " * 20)
            for number in range(1, 7)
        ]
        return [message for message in said if message.number > after]

    async def summary(self) -> tuple[int, str]:
        return self.summarized, self.text

    async def sum_up(self, number: int, summary: str) -> None:
        self.summarized, self.text = number, summary


REMEMBERS = {"memory": {"max_tokens": 60, "summarize": True}}


async def test_the_summary_of_a_conversation_counts_also_if_the_node_waits() -> None:
    approved = {**WEATHER, "approval": True}
    with scripted(completion("They talked."), ROME, completion("Sunny.")) as server:
        run = going(server, agent(approved, **REMEMBERS), more={Thread: Conversation()})
        await run.resume()
        [id] = run.asked
        await run.resume({id: Answer({"choice": "approve"})})
    assert len(server.requests) == 3
    assert "They talked." in json.dumps(server.requests[2].json)
    assert run.usage()[0]["calls"] == 3


class Paid(Node):
    """Pay, and fail at the first attempts."""

    type: ClassVar = "paid"
    fails: int = 0
    output: Any = None

    async def run(self, context: Context) -> Outcome:
        context.add_usage({"cost": 1.0})
        if context.attempt <= self.fails:
            raise NodeError("not-yet", "Not yet.", kind="server-error")
        return Outcome(self.output, usage={"cost": 0.5})


@pytest.mark.parametrize(
    ("fails", "kind", "cost"), [(1, "node.completed", 2.5), (2, "node.failed", 2)]
)
async def test_what_a_node_records_and_what_it_returns_is_added(
    fails: int, kind: str, cost: float
) -> None:
    node = {"id": "pay", "type": "paid", "config": {"fails": fails}, "retry": TWICE}
    events: list[Event] = []
    workflow = compiled({"nodes": [node]}, Paid)
    try:
        given = workflow.initial_state({})
        await workflow.graph.ainvoke(given, context=RunContext(emit=events.append))
    except NodeFailed:
        assert fails == 2
    assert usages(events, kind) == [{"cost": cost}]
