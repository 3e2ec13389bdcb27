"""The text of a model is emitted as it arrives, at every depth of a workflow."""

import asyncio
import time
from typing import Any

import pytest

from fakes.flows import run
from fakes.loopback import Reply, Request, serving, streamed
from fakes.models import ask, emitted, models_at
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import Models


async def test_the_text_of_an_answer_is_emitted_in_batches_as_it_arrives() -> None:
    words = [f"word{i} " for i in range(200)]
    with serving(lambda request: streamed(words)) as server:
        ran = await ask(models_at(server), prompt="Go on", stream=True)
    body = server.requests[0].json
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    tokens = emitted(ran, "token")
    assert "".join(token["text"] for token in tokens) == "".join(words) == ran.output["text"]
    assert len(tokens) < 100
    assert ran.output["usage"] == {
        "prompt_tokens": 7, "completion_tokens": 200, "total_tokens": 207, "cached_tokens": 4,
    }  # fmt: skip


async def test_offline_models_stream_also_inside_a_map() -> None:
    body = {
        "nodes": [
            {"id": "say", "type": "llm", "config": {"prompt": "a b {{item}}", "stream": True}}
        ]
    }
    each = {"id": "each", "type": "map", "config": {"items": ["x", "y"], "body": body}}
    ran = await run({"nodes": [each]}, services={Models: Models()})
    tokens = [e for e in ran.events if e.kind == "node.said" and e.data["kind"] == "token"]
    texts = {path: "" for path in ("each#0/0/", "each#0/1/")}
    for event in tokens:
        texts[event.path] += event.data["data"]["text"]
    assert list(texts.values()) == ["a b x", "a b y"]
    assert [result["text"] for result in ran.output["results"]] == ["a b x", "a b y"]


@pytest.mark.parametrize("kind", ["loop", "subworkflow"])
async def test_tokens_are_emitted_inside_loops_and_sub_workflows(kind: str) -> None:
    say = {"id": "say", "type": "llm", "config": {"prompt": "a b c", "stream": True}}
    within = {"id": "say_it", "type": "loop", "config": {"for_each": [1], "body": {"nodes": [say]}}}
    config = {"body": {"nodes": [within]}, "for_each": [1]}
    if kind == "subworkflow":
        config = {"workflow": {"nodes": [within]}}
    ran = await run(
        {"nodes": [{"id": "outer", "type": kind, "config": config}]}, services={Models: Models()}
    )
    tokens = [e for e in ran.events if e.kind == "node.said" and e.data["kind"] == "token"]
    assert "".join(event.data["data"]["text"] for event in tokens) == "a b c"
    assert {event.path for event in tokens} == {"outer#0/0/say_it#0/0/"}


async def test_a_stream_that_breaks_off_fails_the_node() -> None:
    with (
        serving(lambda request: streamed(["The ", "capital"], ends=False)) as server,
        pytest.raises(NodeFailed) as caught,
    ):
        await ask(models_at(server), prompt="Hi", stream=True)
    assert caught.value.code == "answer-broke-off"


async def test_a_cancelled_run_closes_the_connection() -> None:
    sent: list[int] = []

    def slow(request: Request) -> Reply:
        reply = streamed([])

        def send(wire: Any) -> None:
            for number in range(500):
                wire.write(b": still there\n\n")
                wire.flush()
                sent.append(number)
                time.sleep(0.01)

        reply.send = send
        return reply

    with serving(slow) as server:
        asking = asyncio.create_task(ask(models_at(server), prompt="Hi", stream=True))
        while len(sent) < 5:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0.5)
        stopped = len(sent)
        await asyncio.sleep(0.3)
        assert len(sent) == stopped < 500
