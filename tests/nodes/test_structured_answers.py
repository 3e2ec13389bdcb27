"""Answers that must match a schema: of any kind, and wherever a model puts them."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from fakes.flows import Ran, compiled, run
from fakes.loopback import Reply, Request, completion, reply_json, streamed
from fakes.models import KEY, agent, ask, emitted, models_at, scripted
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.nodes.services.models import ModelAlias, Models

PEOPLE = [{"name": "Ann", "age": 3}, {"name": "Bo", "age": 4}]
MOOD = {"sentiment": "string", "score": "integer"}
GOOD = {"sentiment": "positive", "score": 4}
# By litellm's list: one takes a schema, one only tools, one neither.
NATIVE, TOOLS, WORDS = "openai/gpt-4o", "openai/gpt-4", "openai/own"


async def answered(text: str, schema: Any, model: str = WORDS, **config: Any) -> Ran:
    """Return what a model's only answer gives; a second request fails."""
    refused = reply_json({"error": {"message": "asked again"}}, 400)
    with scripted(completion(text), refused) as server:
        return await ask(models_at(server, model), prompt="x", output_schema=schema, **config)


def strict(request: Request) -> Reply:
    """Answer as OpenAI does: only objects at the root of a schema are accepted."""
    schema = request.json["response_format"]["json_schema"]["schema"]
    if schema.get("type") != "object":
        return reply_json({"error": {"message": "the schema must be an object"}}, 400)
    [name] = schema["properties"]
    return completion(json.dumps({name: PEOPLE if name == "items" else 7}))


@pytest.mark.parametrize("model", [NATIVE, TOOLS, WORDS])
@pytest.mark.parametrize("is_wrapped", [False, True])
async def test_a_list_is_answered_wrapped_or_bare(model: str, is_wrapped: bool) -> None:
    text = json.dumps({"items": PEOPLE} if is_wrapped else PEOPLE)
    ran = await answered(text, [{"name": "string", "age": "integer"}], model)
    assert ran.output["data"] == PEOPLE


@pytest.mark.parametrize("schema", [[{"name": "string"}], {"type": "integer"}, {"enum": [7, 8]}])
async def test_a_provider_that_wants_an_object_gets_one(schema: Any) -> None:
    with scripted(strict) as server:
        ran = await ask(models_at(server, NATIVE), prompt="x", output_schema=schema)
    assert ran.output["data"] == (PEOPLE if isinstance(schema, list) else 7)


PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TREE = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": {"type": "string"}, "below": {"$ref": "#"}}},
}


@pytest.mark.parametrize(
    ("schema", "answer", "expected"),
    [
        ({"$ref": "#/$defs/P", "$defs": {"P": PERSON}}, {"name": "Ann"}, {"name": "Ann"}),
        (
            {"type": "array", "items": {"$ref": "#/$defs/P"}, "$defs": {"P": PERSON}},
            [{"name": "Ann"}],
            {"data": [{"name": "Ann"}]},
        ),
        (TREE, [{"name": "a", "below": [{"name": "b"}]}], {"data": [{"name": "a", "below": [{"name": "b"}]}]}),
        ({"anyOf": [PERSON, {"type": "null"}]}, {"name": "Ann"}, {"name": "Ann"}),
        ({"anyOf": [PERSON, {"type": "null"}]}, None, {"data": None}),
        ({"type": ["integer", "null"]}, 7, {"data": 7}),
        ({"type": "boolean"}, True, {"data": True}),
        ({"enum": ["low", "high"]}, "high", {"data": "high"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": 1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", [NATIVE, WORDS])
async def test_a_schema_of_any_kind_is_answered(
    schema: Any, answer: Any, expected: Any, model: str
) -> None:
    output = (await answered(json.dumps(answer), schema, model)).output
    assert {name: output.get(name) for name in expected} == expected


async def test_references_lead_to_the_same_places_in_a_wrapped_schema() -> None:
    def reply(request: Request) -> Reply:
        schema = request.json["response_format"]["json_schema"]["schema"]
        below = schema["properties"]["items"]["items"]["properties"]["below"]
        assert below == {"$ref": "#/properties/items"}
        return completion('{"items": []}')

    with scripted(reply) as server:
        ran = await ask(models_at(server, NATIVE), prompt="x", output_schema=TREE)
    assert ran.output["data"] == []


TEXT = json.dumps(GOOD)
PLACES = {
    "alone": TEXT,
    "in a fenced block": f"Here you are:\n```json\n{TEXT}\n```\nHope it helps {{smile}}!",
    "in a block without its end": f"```\n{TEXT}",
    "among sentences": f"Like {{this}}: {TEXT} Is it {{right}}?",
    "after an example that does not fit": f'Such as {{"a": 1}}. So: {TEXT}',
    "behind thoughts": f'<think>Maybe {{"a": 1}}, or {{hmm}}.</think>\n{TEXT}',
    "behind thoughts without their beginning": f"It wants JSON.</think>{TEXT}",
    "with commas at the end": '{"sentiment": "positive", "score": 4,}',
    "as Python writes it": "{'sentiment': 'positive', 'score': 4}",
    "with comments": '{"sentiment": "positive", // good\n "score": 4}',
    "in a field of another object": json.dumps({"answer": GOOD}),
    "as a text in JSON": json.dumps(TEXT),
    "as the only item of a list": json.dumps([GOOD]),
}


@pytest.mark.parametrize("place", PLACES)
async def test_an_answer_is_found_wherever_it_is(place: str) -> None:
    output = (await answered(PLACES[place], MOOD)).output
    assert (output["sentiment"], output["score"]) == ("positive", 4)


async def test_an_answer_behind_thoughts_is_found_in_a_stream() -> None:
    pieces = ["<thi", "nk>maybe {a: 1} or {b}", "</think>", '{"city"', ': "Rome"}']
    with scripted(streamed(pieces)) as server:
        models = models_at(server, WORDS)
        ran = await ask(models, prompt="x", output_schema={"city": "string"}, stream=True)
    assert ran.output["city"] == "Rome"


def as_call(name: str) -> Reply:
    function = {"name": name, "arguments": TEXT}
    message = {"role": "assistant", "content": None,
               "tool_calls": [{"id": "x", "type": "function", "function": function}]}  # fmt: skip
    return reply_json({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                       "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})  # fmt: skip


@pytest.mark.parametrize("model", [NATIVE, TOOLS, WORDS])
async def test_an_answer_in_a_call_that_was_not_asked_for_is_found(model: str) -> None:
    with scripted(as_call("answer")) as server:
        ran = await ask(models_at(server, model), prompt="x", output_schema=MOOD)
    assert (ran.output["score"], ran.output["tool_calls"]) == (4, [])


@pytest.mark.parametrize(
    ("given", "schema", "expected"),
    [
        ({"n": "4"}, {"n": "integer"}, 4),
        ({"n": "4.5"}, {"n": "number"}, 4.5),
        ({"n": "true"}, {"n": "boolean"}, True),
        ({"n": 4}, {"n": "string"}, "4"),
        ({"n": "one"}, {"n": ["string"]}, ["one"]),
        ({"n": "High. "}, {"n": {"enum": ["low", "high"]}}, "high"),
        ({"n": ["1", "2"]}, {"n": ["integer"]}, [1, 2]),
        ({"n": "null"}, {"n": {"type": ["integer", "null"]}}, None),
        ({"n": "7"}, {"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, 7),
    ],
)
async def test_a_value_of_another_type_is_converted_with_a_warning(
    given: Any, schema: Any, expected: Any
) -> None:
    ran = await answered(json.dumps(given), schema)
    assert ran.output["n"] == expected
    assert emitted(ran, "warning")[0]["message"].startswith("The answer was converted to fit: n")


async def test_an_optional_field_may_be_null() -> None:
    ran = await answered(json.dumps({**GOOD, "note": None}), {**MOOD, "note": "string?"})
    assert "note" not in ran.output
    assert ran.output["score"] == 4


async def test_a_text_needs_no_quotes() -> None:
    assert (await answered("Rome, of course.", {"type": "string"})).output[
        "data"
    ] == "Rome, of course."
    chosen = await answered("High.", {"enum": ["low", "high"]})
    assert chosen.output["data"] == "high"


async def test_a_provider_that_refuses_the_form_is_asked_in_words() -> None:
    def reply(request: Request) -> Reply:
        if "response_format" not in request.json:
            assert "JSON Schema" in request.json["messages"][0]["content"]
            return completion(TEXT)
        error = {
            "message": "This model does not support response_format",
            "param": "response_format",
        }
        return reply_json({"error": error}, 400)

    with scripted(reply) as server:
        models = models_at(server, NATIVE)
        ran = await ask(models, prompt="x", output_schema=MOOD)
        assert ran.output["score"] == 4
        assert "response_format" in emitted(ran, "warning")[0]["message"]
        assert len(server.requests) == 2
        await ask(models, prompt="x", output_schema=MOOD)
        assert len(server.requests) == 3


async def test_an_agent_answers_with_a_list() -> None:
    with scripted(completion(json.dumps(PEOPLE))) as server:
        workflow = agent(output_schema=[{"name": "string", "age": "integer"}])
        ran = await run(workflow, services={Models: models_at(server)})
    assert ran.output["data"] == PEOPLE


async def test_what_is_read_of_a_list_is_checked_and_mapped() -> None:
    say = {"id": "say", "type": "template", "config": {"template": "{{item.name}}"}}
    each: dict[str, Any] = {"id": "each", "type": "map", "depends_on": ["ask"]}
    each["config"] = {"items": "{{ask.output.data}}", "body": {"nodes": [say]}}
    node: dict[str, Any] = {"id": "ask", "type": "llm"}
    node["config"] = {"model": "m", "prompt": "x", "output_schema": [{"name": "string"}]}
    with scripted(completion(json.dumps(PEOPLE))) as server:
        ran = await run({"nodes": [node, each]}, services={Models: models_at(server)})
    assert [result["text"] for result in ran.output["results"]] == ["Ann", "Bo"]
    say["config"]["template"] = "{{ask.output.data[0].nam}}"
    with pytest.raises(DefinitionRefused, match="reads 'nam', which 'ask' does not have"):
        compiled({"nodes": [node, {**say, "depends_on": ["ask"]}]})


async def test_offline_models_answer_with_lists_and_scalars() -> None:
    async def offline(schema: Any) -> Any:
        node = {"id": "a", "type": "llm", "config": {"prompt": "room 12", "output_schema": schema}}
        return (await run({"nodes": [node]}, services={Models: Models()})).output["data"]

    assert await offline([{"n": "integer"}]) == [{"n": 12}]
    assert await offline({"type": "integer"}) == 12


async def test_after_answers_that_do_not_match_the_fallback_is_asked() -> None:
    with scripted(completion("I cannot say.")) as first, scripted(completion(TEXT)) as second:
        models = Models(
            {
                name: ModelAlias(model=WORDS, api_base=f"{s.url}/v1", api_key=SecretStr(KEY))
                for name, s in (("m", first), ("other", second))
            }
        )
        ran = await ask(models, prompt="x", output_schema=MOOD, fallbacks=["other"])
    assert ran.output["score"] == 4
    assert emitted(ran, "fallback")[0]["code"] == "answer-does-not-fit"
    assert ran.output["usage"]["total_tokens"] == 30
