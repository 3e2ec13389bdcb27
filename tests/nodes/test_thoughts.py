"""Thoughts before an answer are split off, in whole answers and in streams."""

import json
from typing import Any

import pytest

from fakes.flows import run
from fakes.loopback import Reply, calls, completion, reply_json, streamed
from fakes.models import WEATHER, agent, ask, emitted, models_at, scripted
from fakes.providers import Anthropic, sse
from flowc.nodes.services.models import Models
from flowc.nodes.services.models.thoughts import ThoughtSplitter, without_thoughts

ANSWERS = [
    ("<think>secret plan</think>The answer is 4.", "The answer is 4.", "secret plan"),
    ("<think>\nplan\n</think>\n\nThe answer.", "The answer.", "plan"),
    ("  <THINKING>plan</THINKING> Yes.", "Yes.", "plan"),
    ("<think>one</think><think>two</think>Yes.", "Yes.", "onetwo"),
    ("<think>cut off in the mid", "", "cut off in the mid"),
    ("<think></think>Yes.", "Yes.", ""),
    ("The tag <think> begins a thought.", "The tag <think> begins a thought.", ""),
    ("<thinks>no</thinks>", "<thinks>no</thinks>", ""),
    (" <b>Yes</b>", " <b>Yes</b>", ""),
    ("1 < 2", "1 < 2", ""),
    ("<", "<", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("whole", "answer", "thought"), ANSWERS)
def test_a_text_is_split_alike_wherever_its_pieces_end(
    whole: str, answer: str, thought: str
) -> None:
    assert without_thoughts(whole) == (answer, thought)
    for first in range(len(whole) + 1):
        for second in range(first, len(whole) + 1):
            texts, thoughts = list[str](), list[str]()
            splitter = ThoughtSplitter(texts.append, thoughts.append)
            for piece in (whole[:first], whole[first:second], whole[second:]):
                splitter(piece)
            splitter.flush()
            assert ("".join(texts), "".join(thoughts).strip()) == (answer, thought)


def native(*, stream: bool) -> Reply:
    if not stream:
        reply = json.loads(completion("The answer is 4.").body)
        reply["choices"][0]["message"]["reasoning_content"] = "secret plan"
        return reply_json(reply)
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "reasoning_content": "secret "}, {"reasoning_content": "plan"},
        {"content": "\n\nThe answer"}, {"content": " is 4."},
    ]  # fmt: skip
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4"}
    return sse(iter([*((None, {**head, "choices": [c]}) for c in choices), (None, b"[DONE]")]))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("is_native", [False, True], ids=["tags", "native"])
async def test_thoughts_are_no_part_of_the_text(stream: bool, is_native: bool) -> None:
    pieces = ["<thi", "nk>secret ", "plan</th", "ink>", "\n\nThe answer", " is 4."]
    tagged = streamed(pieces) if stream else completion("".join(pieces))
    with scripted(native(stream=stream) if is_native else tagged) as server:
        ran = await ask(models_at(server), prompt="x", stream=stream)
    assert (ran.output["text"], ran.output["reasoning"]) == ("The answer is 4.", "secret plan")
    if stream:
        said = {
            kind: "".join(e["text"] for e in emitted(ran, kind)) for kind in ("token", "reasoning")
        }
        assert said == {"token": "The answer is 4.", "reasoning": "secret plan"}


async def test_signed_thoughts_are_sent_back_with_the_results_to_their_provider() -> None:
    thought = {"type": "thinking", "thinking": "Rome?", "signature": "abc"}
    provider = Anthropic("anthropic", "anthropic/claude-sonnet-4-5", "")
    called = json.loads(provider.calls(("get_weather", {"city": "Rome"})).body)
    called["content"].insert(0, thought)
    with scripted(reply_json(called), provider.text("Sunny.")) as server:
        ran = await run(agent(WEATHER), services={Models: provider.models(server)})
    assert ran.output["text"] == "Sunny."
    answered = server.requests[1].json["messages"][1]
    assert [part["type"] for part in answered["content"]] == ["thinking", "tool_use"]
    assert answered["content"][0]["signature"] == "abc"


async def test_other_providers_do_not_get_thoughts_back() -> None:
    reply = json.loads(calls(("get_weather", {"city": "Rome"})).body)
    reply["choices"][0]["message"]["reasoning_content"] = "My plan."
    with scripted(reply_json(reply), completion("Sunny.")) as server:
        ran = await run(agent(WEATHER), services={Models: models_at(server)})
    assert emitted(ran, "thought") == [{"reasoning": "My plan."}]
    assert "My plan." not in server.requests[1].body.decode()
