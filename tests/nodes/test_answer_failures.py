"""Failures of models say what happened, and parameters that a model refuses are left out."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from fakes.flows import run
from fakes.loopback import Reply, Request, completion, reply_json
from fakes.models import KEY, WEATHER, agent, ask, emitted, models_at, scripted
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import ModelAlias, Models

SCHEMA = {"sentiment": "string"}


def reply(text: str | None, finish: str = "stop", **message: Any) -> Reply:
    whole = json.loads(completion(text or "").body)
    whole["choices"][0] = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish,
    }
    return reply_json(whole)


REASONING = {"reasoning_content": "I thought long."}
ANSWERS = {
    "refused": (reply(None, refusal="I can't help with that."), "content-refused", "I can't help"),
    "filtered": (reply("So far", "content_filter"), "content-refused", "filter stopped"),
    "empty": (reply(None), "answer-empty", "is empty"),
    "blank": (reply(" \n"), "answer-empty", "is empty"),
    "reasoning alone": (reply("", **REASONING), "answer-empty", "reasoning alone"),
    "thoughts alone": (reply("<think>So.</think>"), "answer-empty", "reasoning alone"),
    "reasoning cut off": (
        reply("", "length", **REASONING),
        "answer-cut-off",
        "end of the reasoning",
    ),
    "thoughts cut off": (reply("<think>So", "length"), "answer-cut-off", "end of the reasoning"),
}


@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["text", "schema"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_is_none_fails_with_its_reason(name: str, schema: Any) -> None:
    answer, code, words = ANSWERS[name]
    with scripted(answer) as server, pytest.raises(NodeFailed, match=words) as caught:
        await ask(models_at(server, "openai/own"), prompt="x", output_schema=schema)
    assert caught.value.code == code
    # The same question would have the same answer.
    assert len(server.requests) == 1


async def test_data_that_is_cut_off_is_not_asked_for_again_the_same_way() -> None:
    with (
        scripted(reply('{"sentiment": "posit', "length")) as server,
        pytest.raises(NodeFailed, match="cut off at max_tokens") as caught,
    ):
        await ask(models_at(server, "openai/own"), prompt="x", output_schema=SCHEMA)
        assert caught.value.code == "answer-cut-off"
        assert len(server.requests) == 1


async def test_data_that_is_whole_is_taken_although_the_answer_was_cut_off() -> None:
    with scripted(reply('{"sentiment": "good"} And', "length")) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="x", output_schema=SCHEMA)
    assert ran.output["sentiment"] == "good"


async def test_a_text_that_was_cut_off_is_there_with_a_warning() -> None:
    with scripted(reply("So far", "length")) as server:
        ran = await ask(models_at(server), prompt="x")
    assert (ran.output["text"], ran.output["finish_reason"]) == ("So far", "length")
    assert "cut off" in emitted(ran, "warning")[0]["message"]


async def test_the_refusal_of_a_model_that_also_wrote_something_is_in_the_output() -> None:
    with scripted(reply("Instead:", refusal="Not that.")) as server:
        ran = await ask(models_at(server), prompt="x")
    assert ran.output["refusal"] == "Not that."


async def test_an_agent_may_have_nothing_to_add_after_its_calls() -> None:
    call = {"id": "a", "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}  # fmt: skip
    with scripted(reply("I look.", "tool_calls", tool_calls=[call]), reply("")) as server:
        ran = await run(agent(WEATHER), services={Models: models_at(server)})
    assert (ran.output["text"], len(ran.output["calls"])) == ("", 1)
    with scripted(reply("")) as server, pytest.raises(NodeFailed, match="is empty"):
        await run(agent(WEATHER), services={Models: models_at(server)})


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_fallback_is_asked_after_an_answer_that_is_none(name: str) -> None:
    with scripted(ANSWERS[name][0]) as first, scripted(completion("Here.")) as second:
        models = Models(
            {
                name: ModelAlias(model="openai/own", api_base=f"{s.url}/v1", api_key=SecretStr(KEY))
                for name, s in (("m", first), ("other", second))
            }
        )
        ran = await ask(models, prompt="x", fallbacks=["other"])
    assert ran.output["text"] == "Here."
    assert emitted(ran, "fallback")[0]["code"] == ANSWERS[name][1]


async def test_a_refused_request_has_the_providers_code_and_sentence() -> None:
    error = {"message": f"Use  the key\n{KEY}, or sk-other-12345.", "code": "bad_thing"}
    with scripted(reply_json({"error": error}, 400)) as server, pytest.raises(NodeFailed) as caught:
        await ask(models_at(server), prompt="x")
    assert "(400, bad_thing): Use the key [secret], or [secret]" in caught.value.message


async def test_a_provider_does_not_repeat_the_prompt_and_is_brief() -> None:
    prompt = "The private words of someone, for this model alone."
    error = {"message": f"Cannot read: {prompt} {'word ' * 500}"}
    with scripted(reply_json({"error": error}, 422)) as server, pytest.raises(NodeFailed) as caught:
        await ask(models_at(server), prompt=prompt)
    assert "private" not in caught.value.message
    assert len(caught.value.message) < 600


def refusing(name: str, words: str) -> Any:
    def answer(request: Request) -> Reply:
        if name not in request.json:
            return completion("fine")
        return reply_json({"error": {"message": words, "param": None, "code": "unsupported"}}, 400)

    return answer


REFUSED = [
    ("temperature", 0.2, "Unsupported value: 'temperature' does not support 0.2 with this model."),
    ("top_p", 0.5, "Unknown parameter: top_p"),
    ("seed", 7, "Unrecognized request argument supplied: seed"),
    ("stop", ["x"], "'stop' is not supported with this model."),
    ("presence_penalty", 0.5, "presence_penalty: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("name", "value", "words"), REFUSED, ids=[each[0] for each in REFUSED])
async def test_a_parameter_that_a_model_refuses_is_left_out_with_a_warning(
    name: str, value: Any, words: str
) -> None:
    with scripted(refusing(name, words)) as server:
        models = models_at(server, "openai/own")
        for requests in (2, 3):
            ran = await ask(models, prompt="x", **{name: value})
            assert ran.output["text"] == "fine"
            assert f"'{name}' was left out" in emitted(ran, "warning")[0]["message"]
            # The second time, it is known before the model is asked.
            assert len(server.requests) == requests


async def test_max_tokens_is_sent_under_its_newer_name() -> None:
    words = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    with scripted(refusing("max_tokens", words)) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="x", max_tokens=50)
    assert server.requests[1].json["max_completion_tokens"] == 50
    assert "max_completion_tokens" in emitted(ran, "warning")[0]["message"]


async def test_max_tokens_is_lowered_to_what_a_model_takes() -> None:
    def answer(request: Request) -> Reply:
        if request.json["max_tokens"] <= 4096:
            return completion("fine")
        words = "max_tokens is too large: 9000. This model supports at most 4096 completion tokens."
        return reply_json({"error": {"message": words, "param": "max_tokens"}}, 400)

    with scripted(answer) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="x", max_tokens=9000)
    assert "lowered to 4,096" in emitted(ran, "warning")[0]["message"]


async def test_of_two_parameters_that_exclude_each_other_one_is_left_out() -> None:
    words = "`temperature` and `top_p` cannot both be specified for this model."
    with scripted(refusing("top_p", words)) as server:
        ran = await ask(models_at(server, "openai/own"), prompt="x", temperature=0.5, top_p=0.5)
    assert server.requests[1].json["temperature"] == 0.5
    assert "'top_p' was left out" in emitted(ran, "warning")[0]["message"]


async def test_a_parameter_that_is_left_out_before_the_request_is_named() -> None:
    with scripted(completion("fine")) as server:
        ran = await ask(models_at(server, "openai/gpt-5"), prompt="x", temperature=0.2, seed=3)
    assert "temperature" not in server.requests[0].json
    assert [
        "'temperature' was left out" in each["message"] for each in emitted(ran, "warning")
    ] == [True]


async def test_a_wrong_request_is_not_sent_again() -> None:
    with (
        scripted(reply_json({"error": {"message": "Invalid image."}}, 400)) as server,
        pytest.raises(NodeFailed, match="Invalid image"),
    ):
        await ask(models_at(server, "openai/own"), prompt="x", temperature=0.2)
    assert len(server.requests) == 1
