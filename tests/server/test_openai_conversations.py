"""Conversations of OpenAI clients: their history, their threads, and clients that hang up."""

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest

from fakes.conversations import APPROVES, REMEMBERS, World
from fakes.loopback import Reply, calls, completion, endless
from fakes.processes import until
from fakes.runs_api import API
from flowc.server.api import sse

SAY = {"id": "say", "type": "llm",
       "config": {"model": "m", "prompt": "{{input.message}}", "memory": True}}  # fmt: skip
TALK: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "I am Ada."},
    {"role": "assistant", "content": "Hello Ada."},
    {"role": "user", "content": "Who am I?"},
]
WORDS = [each["content"] for each in TALK]
DECLARED = {"message": "string"}
INNER = {"id": "inner", "type": "subworkflow",
         "config": {"workflow": "chat-inner", "input": {"message": "{{input.message}}"}}}  # fmt: skip


def create(world: World, model: str, messages: Any = TALK, **more: Any) -> Any:
    call: Any = world.openai.chat.completions.create
    return call(model=model, messages=messages, **more)


def contents(world: World, thread: str) -> list[str]:
    return [m["content"] for m in world.api.get(f"{API}/threads/{thread}/messages").json()]


@pytest.mark.parametrize(
    "definition",
    [
        {"nodes": [SAY]},
        {"input": DECLARED, "nodes": [SAY]},
        {"input": {"type": "object", "properties": {"message": {"type": "string"}}}, "nodes": [SAY]},
        {"input": DECLARED, "nodes": [{**SAY, "type": "agent"}]},
        {"input": {**DECLARED, "messages": "any"}, "nodes": [SAY]},
        {"input": DECLARED, "nodes": [INNER]},
    ],
)  # fmt: skip
def test_a_model_gets_the_conversation_that_a_client_sends(world: World, definition: Any) -> None:
    world.store("chat-inner", {"input": DECLARED, "nodes": [SAY]})
    world.store("chats", definition)
    for more in ({}, {"stream": True}):
        done = create(world, "chats", **more)
        list(done) if more else None
        assert world.asked()[-1] == WORDS
    create(world, "chats", TALK[-1:])
    assert world.asked()[-1] == ["Who am I?"]
    create(world, "chats", [{**TALK[1], "name": "Ada"}, *TALK[2:]])
    assert world.models.requests[-1].json["messages"][0] == {**TALK[1], "name": "Ada"}


def test_a_model_gets_the_conversation_that_the_input_forbids(world: World) -> None:
    schema = {"type": "object", "properties": {"message": {"type": "string"}},
              "additionalProperties": False}  # fmt: skip
    world.store("closed", {"input": schema, "nodes": [SAY]})
    create(world, "closed", TALK[-1:])
    create(world, "closed")
    assert world.asked() == [["Who am I?"], WORDS]
    # A thread has no calls of tools.
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls_tool = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": "1"}
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "closed", [TALK[1], calls_tool, result, TALK[3]])
    assert refused.value.param == "messages"


def test_a_callers_thread_begins_with_its_first_message(world: World) -> None:
    world.store("chats", {"input": DECLARED, "nodes": [SAY]})
    world.replies[:] = [completion("Hello Ada."), completion("Ada."), completion("Bye.")]
    thread = {"thread_id": "person-1:chat-1"}
    create(world, "chats", [TALK[0], TALK[1]], extra_body=thread)
    create(world, "chats", [TALK[0], TALK[3]], extra_body=thread)
    assert world.asked() == [WORDS[:2], WORDS]
    assert contents(world, "person-1:chat-1") == ["I am Ada.", "Hello Ada.", "Who am I?", "Ada."]
    # A client that sends the whole conversation, too, begins the thread with it.
    create(world, "chats", extra_body={"thread_id": "person-1:chat-2"})
    assert world.asked()[-1] == WORDS
    assert contents(world, "person-1:chat-2") == [*WORDS[1:], "Bye."]
    world.chat("chats", "And now?", thread_id="person-1:chat-2")
    assert world.asked()[-1] == [*WORDS[1:], "Bye.", "And now?"]
    with pytest.raises(openai.BadRequestError):
        create(world, "chats", extra_body={"thread_id": "no/slash"})


def test_a_thread_belongs_to_one_workflow(world: World) -> None:
    world.store("chats", {"input": DECLARED, "nodes": [SAY]})
    world.store("remembers", REMEMBERS)
    create(world, "chats", TALK[-1:], extra_body={"thread_id": "of-chats"})
    with pytest.raises(openai.ConflictError) as refused:
        create(world, "remembers", TALK[-1:], extra_body={"thread_id": "of-chats"})
    assert refused.value.code == "thread-of-another-workflow"


def test_a_question_in_a_callers_thread_is_answered_there(world: World) -> None:
    world.store("approves", APPROVES)
    threads: Any = [{"extra_body": {"thread_id": f"asked-{n}"}} for n in range(2)]
    order = [{"role": "user", "content": "Order 1."}]
    question = "Refund 7 EUR?\nAnswer with one of: approve, reject."
    for more in threads:
        asked = create(world, "approves", order, **more).choices[0].message.content
        assert asked == question
    said = []
    for more, word in zip(threads, ("no", "yes"), strict=True):
        answer = [{"role": "user", "content": word}]
        said.append(create(world, "approves", answer, **more).choices[0].message.content)
    assert said == ["Not refunded.", "Refunded: Order 1."]
    assert contents(world, "asked-0") == ["Order 1.", question, "no", "Not refunded."]


def test_chat_and_responses_begin_a_callers_thread(world: World) -> None:
    world.store("chats", {"input": DECLARED, "nodes": [SAY]})
    world.replies[:] = [completion("One."), completion("Two."), completion("Three.")]
    first = world.chat("chats", "Count.", thread_id="counting")
    assert first["thread_id"] == "counting"
    respond: Any = world.openai.responses.create
    for conversation in ("counting", {"id": "counting"}):
        respond(model="chats", input="Go on.", conversation=conversation)
    assert contents(world, "counting") == ["Count.", "One.", "Go on.", "Two.", "Go on.", "Three."]
    assert world.asked()[-1] == ["Count.", "One.", "Go on.", "Two.", "Go on."]
    done = respond(model="chats", input="New.", conversation="fresh", metadata={"by": "ada"})
    assert world.api.get(f"{API}/threads/fresh").json()["metadata"] == {"by": "ada"}
    with pytest.raises(openai.BadRequestError):
        respond(model="chats", input="x", conversation="fresh", previous_response_id=done.id)


def test_a_client_calls_the_tools_of_a_response(world: World) -> None:
    config = {"model": "m", "messages": "{{input.messages}}", "functions": "{{input.tools}}"}
    world.store("tools", {"nodes": [{"id": "a", "type": "llm", "config": config}]})
    tools: Any = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    replies = [calls(("weather", {"city": "Rome"})), completion("20°."), completion("Yes.")]
    world.replies[:] = replies
    respond: Any = world.openai.responses.create
    first = respond(model="tools", input="Rome?", tools=tools)
    [call] = [item for item in first.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "20"}
    second = respond(model="tools", input=[result], tools=tools, previous_response_id=first.id)
    third = respond(model="tools", input="Sure?", tools=tools, previous_response_id=second.id)
    assert (second.output_text, third.output_text) == ("20°.", "Yes.")
    sent = world.models.requests[-1].json["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == call.call_id
    # The same, of a client that keeps the items itself.
    world.replies[:] = [completion("20°.")]
    given = [{"role": "user", "content": "Rome?"}, call.model_dump(exclude_none=True), result]
    assert respond(model="tools", input=given, tools=tools).output_text == "20°."
    sent = world.models.requests[-1].json["messages"]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool"]


def test_a_response_in_the_background_is_read_later(world: World) -> None:
    world.store("chats", {"input": DECLARED, "nodes": [SAY]})
    world.replies[:] = [completion("Done.")]
    client = world.openai
    metadata = {"chat": "8"}
    begun = client.responses.create(model="chats", input="Go.", background=True, metadata=metadata)
    assert (begun.status, begun.background) == ("in_progress", True)
    ended = until(lambda: _if_completed(client.responses.retrieve(begun.id)))
    assert (ended.output_text, ended.metadata) == ("Done.", metadata)
    assert client.responses.cancel(begun.id).status == "completed"
    world.store("approves", APPROVES)
    waits = client.responses.create(model="approves", input="Order 1.", background=True)
    asked = until(lambda: _if_completed(client.responses.retrieve(waits.id)))
    assert asked.output_text == "Refund 7 EUR?\nAnswer with one of: approve, reject."
    assert client.responses.cancel(waits.id).status == "cancelled"
    assert client.responses.retrieve(waits.id).status == "cancelled"


def _if_completed(response: Any) -> Any:
    return response if response.status == "completed" else None


@pytest.fixture
def hangs(world: World) -> Iterator[list[bool]]:
    """A workflow `hangs` whose model never ends its answer; True is added when it is hung up on."""
    hung_up: list[bool] = []

    def answer(_: Any) -> Reply:
        return endless(hung_up)

    world.store("hangs", REMEMBERS)
    world.replies[:] = [answer]
    yield hung_up
    for run in _runs(world, "running"):
        world.api.post(f"{API}/runs/{run['id']}/cancel")


def _runs(world: World, status: str) -> list[Any]:
    params = {"workflow_id": "hangs", "status": status}
    return list(world.api.get(f"{API}/runs", params=params).json()["items"])


BODIES: Any = {
    "/v1/chat/completions": {"model": "hangs", "messages": [{"role": "user", "content": "x"}]},
    "/v1/responses": {"model": "hangs", "input": "x"},
    f"{API}/workflows/hangs/chat": {"message": "x", "on_disconnect": "cancel"},
}


def _hang_up(world: World, path: str, body: Any) -> None:
    """Send a request, and hang up once the model is asked."""
    before, address = len(world.models.requests), world.api.base_url
    connection = http.client.HTTPConnection(address.host, address.port)
    headers = {"content-type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    until(lambda: len(world.models.requests) > before)
    connection.close()


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("path", BODIES)
def test_a_client_that_hangs_up_ends_its_run(
    world: World, hangs: list[bool], path: str, streams: bool
) -> None:
    known = {run["id"] for run in _runs(world, "cancelled")}
    _hang_up(world, path, {**BODIES[path], "stream": streams})
    [run] = until(lambda: [r for r in _runs(world, "cancelled") if r["id"] not in known])
    assert run["error"]["message"] == "The client hung up."
    assert not _runs(world, "running")


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("path", BODIES)
def test_a_run_continues_without_its_client_if_asked_to(
    world: World, hangs: list[bool], path: str, streams: bool
) -> None:
    body = {**BODIES[path], "stream": streams}
    _hang_up(world, path, {**body, "on_disconnect": "continue"})
    [run] = until(lambda: _runs(world, "running"))
    _hang_up(world, path, {**body, "on_disconnect": "cancel"})
    # The one that hung up later is gone, and the other one is still at work.
    until(lambda: len(_runs(world, "running")) == 1)
    assert [each["id"] for each in _runs(world, "running")] == [run["id"]]


def test_a_client_that_leaves_after_a_question_does_not_end_its_run(world: World) -> None:
    world.store("approves", APPROVES)
    for _ in range(5):
        stream = create(world, "approves", TALK[-1:], stream=True)
        for chunk in stream:
            if "Refund" in (chunk.choices[0].delta.content or ""):
                break
        stream.response.close()
    runs = world.api.get(f"{API}/runs", params={"workflow_id": "approves", "status": "waiting"})
    assert len(runs.json()["items"]) >= 5


async def test_a_silent_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_SILENCE", 0.001)
    pings: asyncio.Queue[str] = asyncio.Queue()

    async def events() -> AsyncIterator[str]:
        for _ in range(3):
            await pings.get()
        yield sse.event({"text": "Hi."})

    found: list[str] = []
    async for part in sse.stream(events(), str).body_iterator:
        found.append(str(part))
        if found[-1].startswith(":"):
            pings.put_nowait(found[-1])
    assert found[:3] == [": ping\n\n"] * 3
    assert json.loads(found[-1].removeprefix("data: ")) == {"text": "Hi."}
