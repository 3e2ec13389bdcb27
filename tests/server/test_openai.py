"""Unchanged OpenAI clients use workflows as models."""

import json
from typing import Any

import openai
import pytest

from fakes.conversations import APPROVES, ECHO, REMEMBERS, World
from fakes.loopback import calls, completion, reply_json, streamed


def test_an_openai_client_sees_workflows_as_models(world: World) -> None:
    world.store("echo", ECHO)
    assert "echo" in [model.id for model in world.openai.models.list()]
    assert world.openai.models.retrieve("echo@1").id == "echo@1"
    with pytest.raises(openai.NotFoundError) as caught:
        world.openai.models.retrieve("none")
    assert caught.value.code == "model_not_found"


def test_an_openai_client_gets_a_chat_completion(world: World) -> None:
    world.store("echo", ECHO)
    done = world.openai.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "Good morning."}]
    )
    assert done.choices[0].message.content == "Good morning."
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (2, 2)
    parts: Any = [{"type": "text", "text": "In parts."}]
    messages: Any = [{"role": "developer", "content": "x"}, {"role": "user", "content": parts}]
    done = world.openai.chat.completions.create(model="echo@1", messages=messages)
    assert done.choices[0].message.content == "In parts."


def test_an_openai_client_streams_a_chat_completion(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.replies[:] = [streamed(["One ", "two ", "three."], pause=0.1)]
    messages: Any = [
        {"role": "user", "content": "Hi!"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Count."},
    ]
    chunks = list(
        world.openai.chat.completions.create(
            model="remembers",
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    said = [c.choices[0].delta.content for c in chunks if c.choices]
    assert "".join(text for text in said if text) == "One two three."
    assert len([text for text in said if text]) > 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert world.asked() == [["Be kind.", "Hi!", "Hello.", "Count."]]


def test_an_openai_client_gets_errors_in_its_own_form(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.store("mute", {"input": {"x": "string"}, "nodes": [{"id": "a", "type": "start"}]})
    client, messages = world.openai, [{"role": "user", "content": "x"}]
    create: Any = client.chat.completions.create
    with pytest.raises(openai.NotFoundError):
        create(model="none", messages=messages)
    with pytest.raises(openai.BadRequestError) as caught:
        create(model="mute", messages=messages)
    assert caught.value.code == "no-chat"
    with pytest.raises(openai.BadRequestError):
        create(model="remembers", messages=[])
    with pytest.raises(openai.BadRequestError):
        create(model="remembers", messages=messages, n=2)
    with pytest.raises(openai.BadRequestError):
        create(model="remembers", messages=[{"role": "king", "content": "x"}])
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400)]
    with pytest.raises(openai.UnprocessableEntityError) as failed:
        create(model="remembers", messages=messages)
    assert failed.value.code == "model-refused"
    assert len(world.models.requests) == 1
    with pytest.raises(openai.APIError) as broken:
        list(create(model="remembers", messages=messages, stream=True))
    assert broken.value.code == "model-refused"


def test_an_openai_client_gets_tool_calls(world: World) -> None:
    config = {"model": "m", "messages": "{{input.messages}}", "functions": "{{input.tools}}"}
    world.store("tools", {"nodes": [{"id": "a", "type": "llm", "config": config}]})
    tools: Any = [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "d",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ]
    messages: Any = [{"role": "user", "content": "Rome?"}]
    world.replies[:] = [calls(("weather", {"city": "Rome"})), completion("20°.")]
    create = world.openai.chat.completions.create
    done = create(model="tools", messages=messages, tools=tools)
    assert done.choices[0].finish_reason == "tool_calls"
    [call] = done.choices[0].message.tool_calls or []
    function: Any = getattr(call, "function")  # noqa: B009 - of one of several kinds
    assert (function.name, json.loads(function.arguments)) == ("weather", {"city": "Rome"})
    asked: Any = done.choices[0].message.model_dump(exclude_none=True)
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "20"}
    last = create(model="tools", messages=[*messages, asked, result], tools=tools)
    assert last.choices[0].message.content == "20°."
    sent = world.models.requests[-1].json
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["messages"][1]["tool_calls"][0]["id"] == call.id
    assert sent["tools"] == tools


def test_an_openai_client_continues_from_a_response(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.replies[:] = [streamed(["Hello."]), streamed(["You said hi."]), streamed(["Hi again."])]
    client = world.openai
    first = client.responses.create(model="remembers", input="Hi!")
    assert (first.output_text, first.status) == ("Hello.", "completed")
    assert first.usage is not None
    assert first.usage.input_tokens == 7
    second = client.responses.create(
        model="remembers", input="What did I say?", previous_response_id=first.id
    )
    assert second.output_text == "You said hi."
    # The second response is not part of a conversation that continues from the first.
    third = client.responses.create(
        model="remembers", input="And now?", previous_response_id=first.id
    )
    assert third.output_text == "Hi again."
    assert world.asked()[1:] == [
        ["Be kind.", "Hi!", "Hello.", "What did I say?"],
        ["Be kind.", "Hi!", "Hello.", "And now?"],
    ]
    assert client.responses.retrieve(second.id).output_text == "You said hi."
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_none")


def test_an_openai_client_streams_a_response(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.replies[:] = [streamed(["One ", "two."], pause=0.1)]
    found = list(world.openai.responses.create(model="remembers", input="Count.", stream=True))
    assert list(dict.fromkeys(event.type for event in found)) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in found] == list(range(len(found)))
    last: Any = found[-1]
    assert last.response.output_text == "One two."
    with world.openai.responses.stream(model="remembers", input="Count.") as stream:
        assert stream.get_final_response().output_text == "One two."
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400)]
    failed: Any = list(world.openai.responses.create(model="remembers", input="x", stream=True))[-1]
    assert (failed.type, failed.response.status) == ("response.failed", "failed")


def test_a_response_asks_a_question_and_the_next_one_answers_it(world: World) -> None:
    world.store("approves", APPROVES)
    client = world.openai
    asked = client.responses.create(model="approves", input="Order 9.")
    assert asked.output_text.startswith("Refund 7 EUR?")
    done = client.responses.create(model="approves", input="reject", previous_response_id=asked.id)
    assert (done.output_text, done.id != asked.id) == ("Not refunded.", True)
