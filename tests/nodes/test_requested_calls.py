"""The calls of tools, as providers really send them: in whole answers and in streams."""

import json
from typing import Any

import pytest

from fakes.flows import Ran, run
from fakes.loopback import Reply, Request, completion, reply_json
from fakes.models import agent, ask, models_at, scripted
from fakes.providers import sse
from flowc.nodes.services.models import Models

LOOK = {
    "id": "look",
    "type": "template",
    "description": "Looks a word up.",
    "parameters": {"word": "string"},
    "config": {"template": "found {{arguments.word}}"},
}
NOW = {"id": "now", "type": "template", "description": "The time.", "config": {"template": "noon"}}
ONE, TWO = '{"word": "one"}', '{"word": "two"}'
FOUND = ["found one", "found two"]
HEAD = {"id": "c", "created": 1, "model": "gpt-4"}


def call(id: Any, name: Any, arguments: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }


def whole(*calls: Any, **message: Any) -> Reply:
    message = {"role": "assistant", "content": None, "tool_calls": list(calls), **message}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return reply_json({**HEAD, "object": "chat.completion", "choices": [choice]})


def in_pieces(*parts: Any) -> Reply:
    """Return a stream with one chunk for each part of a call, or list of parts."""
    deltas = [{"tool_calls": part if isinstance(part, list) else [part]} for part in parts]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    chunks = [{**HEAD, "object": "chat.completion.chunk", "choices": [c]} for c in choices]
    return sse(iter([*((None, chunk) for chunk in chunks), (None, b"[DONE]")]))


def part(index: Any, id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    found = {"index": index, "id": id, "type": "function"}
    there = {key: value for key, value in found.items() if value is not None}
    return {**there, "function": {k: v for k, v in function.items() if v is not None}}


WHOLE = {
    "two calls with one id": whole(call("grep:3", "look", ONE), call("grep:3", "look", TWO)),
    "an empty id and none": whole(call("", "look", ONE), call(None, "look", TWO)),
    "arguments as objects": whole(call("a", "look", {"word": "one"}), call("b", "look", TWO)),
    "arguments as a text in JSON": whole(
        call("a", "look", json.dumps(ONE)), call("b", "look", TWO)
    ),
    "a prefix and a number": whole(
        call("a", "functions.look", ONE), call("b", "functions.look:1", TWO)
    ),
    "a name in other letters": whole(call("a", "Look", ONE), call("b", " look ", TWO)),
}
STREAMS = {
    "one index for two whole calls": in_pieces(
        part(0, "a", "look", ONE), part(0, "b", "look", TWO)
    ),
    "one index and no ids": in_pieces(part(0, None, "look", ONE), part(0, None, "look", TWO)),
    "ids on every chunk": in_pieces(
        part(0, "a", "look", '{"wo'), part(0, "a", None, 'rd": "one"}'),
        part(1, "b", "look", ""), part(1, "b", None, TWO),
    ),
    "the id on the first chunk only": in_pieces(
        part(0, "a", "look", ""), part(0, None, None, ONE),
        part(1, "b", "look", ""), part(1, None, None, '{"word": '), part(1, None, None, '"two"}'),
    ),
    "another id on every chunk": in_pieces(
        part(0, "a", "look", '{"wo'), part(0, "x", None, 'rd": "one"}'),
        part(1, "b", "look", '{"word"'), part(1, "y", None, ': "two"}'),
    ),
    "id and name on every chunk": in_pieces(
        part(0, "a", "look", '{"wo'), part(0, "a", "look", 'rd": "one"}'),
        part(1, "b", "look", '{"word"'), part(1, "b", "look", ': "two"}'),
    ),
    "one id for two calls": in_pieces(part(0, "a", "look", ONE), part(1, "a", "look", TWO)),
    "one id and one index for two calls": in_pieces(
        part(0, "a", "look", ONE), part(0, "a", "look", TWO)
    ),
    "several calls in one chunk": in_pieces([part(0, "a", "look", ONE), part(1, "b", "look", TWO)]),
    "parts of two calls in turn": in_pieces(
        part(0, "a", "look", '{"word":'), part(1, "b", "look", '{"word":'),
        part(0, None, None, ' "one"}'), part(1, None, None, ' "two"}'),
    ),
    "the whole call once more at the end": in_pieces(
        part(0, "a", "look", '{"wo'), part(0, None, None, 'rd": "one"}'), part(0, "a", "look", ONE),
        part(1, "b", "look", TWO),
    ),
}  # fmt: skip


def history(request: Request) -> tuple[list[Any], list[str]]:
    """Return the calls and the results in a request; fail unless a strict provider takes them."""
    sent = request.json["messages"]
    calls = [each for message in sent for each in message.get("tool_calls") or ()]
    results = [message for message in sent if message["role"] == "tool"]
    ids = [each["id"] for each in calls]
    assert len({*ids}) == len(ids)
    assert "" not in ids
    assert ids == [each["tool_call_id"] for each in results]
    for each in calls:
        assert isinstance(json.loads(each["function"]["arguments"]), dict)
        assert each["function"]["name"].replace("_", "").isalnum()
    return calls, [each["content"] for each in results]


async def ran(*replies: Reply, **config: Any) -> tuple[Ran, Request]:
    with scripted(*replies, completion("Done.")) as server:
        done = await run(agent(LOOK, NOW, **config), services={Models: models_at(server)})
        return done, server.requests[-1]


@pytest.mark.parametrize("reply", WHOLE.values(), ids=WHOLE)
async def test_calls_in_a_whole_answer_are_run_and_sent_back_sound(reply: Reply) -> None:
    done, last = await ran(reply)
    assert history(last)[1] == FOUND
    assert [each["tool"] for each in done.output["calls"]] == ["look", "look"]


@pytest.mark.parametrize("name", STREAMS)
async def test_calls_in_a_stream_are_put_together(name: str) -> None:
    replies = [STREAMS[name], sse(iter(_answer()))]
    with scripted(*replies) as server:
        workflow = agent(LOOK, NOW, stream=True)
        done = await run(workflow, services={Models: models_at(server)})
        assert history(server.requests[-1])[1] == FOUND
    assert [each["arguments"] for each in done.output["calls"]] == [
        {"word": "one"},
        {"word": "two"},
    ]


def _answer() -> list[tuple[None, Any]]:
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": {"role": "assistant", "content": "Done."}, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ]
    chunk = {**HEAD, "object": "chat.completion.chunk"}
    return [*((None, {**chunk, "choices": [each]}) for each in choices), (None, b"[DONE]")]


BROKEN = {
    "no JSON": (call("a", "look", 'word = """one'), "not JSON"),
    "a list": (call("a", "look", "[1]"), "no JSON object"),
    "no name": (call("a", "", ONE), "names no tool"),
    "an unknown name": (call("a", "find it!", ONE), "no tool 'find it!'"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_call_that_cannot_be_made_is_sent_back_sound_and_the_model_gets_the_reason(
    name: str,
) -> None:
    broken, reason = BROKEN[name]
    done, last = await ran(whole(broken), whole(call("b", "look", TWO)))
    _, results = history(last)
    assert reason in results[0]
    assert results[1] == "found two"
    assert reason in done.output["calls"][0]["error"]


@pytest.mark.parametrize("arguments", ["", None, "{}", {}])
async def test_a_call_without_arguments_is_made(arguments: Any) -> None:
    _, last = await ran(whole(call("a", "now", arguments)))
    assert history(last)[1] == ["noon"]


async def test_the_model_learns_that_arguments_were_cut_off() -> None:
    reply = whole(call("a", "look", '{"word": "on'))
    cut = json.loads(reply.body)
    cut["choices"][0]["finish_reason"] = "length"
    _, last = await ran(reply_json(cut))
    assert "cut off at max_tokens" in history(last)[1][0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_a_provider_adds_to_a_call_is_sent_back(stream: bool) -> None:
    signed = {"provider_specific_fields": {"thought_signature": "abc"}}
    reply = whole(call("a", "look", ONE, **signed))
    if stream:
        reply = in_pieces({**part(0, "a", "look", ONE), **signed})
    with scripted(reply, sse(iter(_answer())) if stream else completion("Done.")) as server:
        await run(agent(LOOK, stream=stream), services={Models: models_at(server)})
        [sent] = history(server.requests[-1])[0]
    assert {**signed, **sent} == sent


async def test_ids_of_earlier_turns_are_not_used_again() -> None:
    same = whole(call("call_0", "look", ONE))
    _, last = await ran(same, whole(call("call_0", "look", TWO)))
    assert history(last)[1] == FOUND


async def test_a_call_in_the_older_form_is_made() -> None:
    older = {"name": "look", "arguments": ONE}
    _, last = await ran(whole(function_call=older, tool_calls=None))
    assert history(last)[1] == ["found one"]


async def test_the_calls_of_a_conversation_that_is_given_are_sent_sound() -> None:
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_calls": [call("x", "look", "broken"), call("x", "look", ONE)]},
        {"role": "tool", "tool_call_id": "x", "content": "an error"},
        {"role": "tool", "tool_call_id": "x", "content": "found one"},
        {"role": "user", "content": "And?"},
    ]
    with scripted(completion("Done.")) as server:
        await ask(models_at(server), messages=messages)
    calls, results = history(server.requests[0])
    assert [each["function"]["arguments"] for each in calls] == ["{}", ONE]
    assert results == ["an error", "found one"]


async def test_the_output_of_an_llm_node_has_its_calls() -> None:
    with scripted(whole(call("grep:3", "look", ONE), call("grep:3", "look", TWO))) as server:
        functions = [{"name": "look", "parameters": {"word": "string"}}]
        ask_node: dict[str, Any] = {"id": "a", "type": "llm"}
        ask_node["config"] = {"model": "m", "prompt": "x", "functions": functions}
        end: dict[str, Any] = {"id": "d", "type": "end", "depends_on": ["a"]}
        end["config"] = {"output": {"calls": "{{a.output.tool_calls}}"}}
        done = await run({"nodes": [ask_node, end]}, services={Models: models_at(server)})
    assert [each["function"]["arguments"] for each in done.output["calls"]] == [ONE, TWO]
    assert len(server.requests) == 1


async def test_without_calls_the_list_is_empty() -> None:
    with scripted(completion("Hello.")) as server:
        done = await ask(models_at(server), prompt="x")
    assert (done.output["tool_calls"], done.output["reasoning"]) == ([], "")
