"""What clients of the OpenAI API send beside the message is taken by the workflow, or refused."""

import base64
from typing import Any

import openai
import pytest

from fakes.conversations import APPROVES, ECHO, World
from fakes.runs_api import API

HELLO: Any = [{"role": "user", "content": "Hello."}]
PICTURE = f"data:image/png;base64,{base64.b64encode(b'png').decode()}"
FILE = f"data:application/pdf;base64,{base64.b64encode(b'pdf').decode()}"
WEATHER: Any = {"type": "function", "function": {"name": "weather", "parameters": {}}}
TAKES = {
    "input": {"message": "string", "temperature": "number?", "max_tokens": "integer?",
              "stop": "any?", "top_p": "number?", "seed": "integer?", "user": "string?",
              "metadata": "object?", "tools": "any?", "tool_choice": "any?",
              "response_format": "object?", "order_id": "integer?", "reasoning_effort": "string?"},
    "nodes": [
        {"id": "say", "type": "llm", "config": {
            "model": "m", "prompt": "{{input.message}}",
            "temperature": "{{input.temperature | default(none)}}",
            "max_tokens": "{{input.max_tokens | default(none)}}",
            "stop": "{{input.stop | default(none)}}",
            "functions": "{{input.tools | default([])}}",
            "tool_choice": "{{input.tool_choice | default('auto')}}",
        }},
    ],
}  # fmt: skip


def create(world: World, model: str, messages: Any = HELLO, **more: Any) -> Any:
    call: Any = world.openai.chat.completions.create
    return call(model=model, messages=messages, **more)


def last_input(world: World, model: str) -> dict[str, Any]:
    runs = world.api.get(f"{API}/runs", params={"workflow_id": model, "limit": 1}).json()["items"]
    return dict(world.api.get(f"{API}/runs/{runs[0]['id']}").json()["input"])


def test_a_workflow_gets_the_parameters_that_it_declares(world: World) -> None:
    world.store("takes", TAKES)
    create(
        world, "takes", temperature=0.3, max_completion_tokens=7, stop=["END"], top_p=0.5, seed=3,
        user="ada", metadata={"chat": "1"}, tools=[WEATHER], reasoning_effort="low",
        tool_choice={"type": "function", "function": {"name": "weather"}},
        response_format={"type": "json_object"}, extra_body={"order_id": 9},
    )  # fmt: skip
    sent = world.models.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"], sent["stop"]) == (0.3, 7, ["END"])
    assert sent["tools"][0]["function"]["name"] == "weather"
    assert sent["tool_choice"]["function"]["name"] == "weather"
    given = last_input(world, "takes")
    assert (given["top_p"], given["seed"], given["user"], given["order_id"]) == (0.5, 3, "ada", 9)
    assert given["metadata"] == {"chat": "1"}
    assert given["response_format"] == {"type": "json_object"}
    assert given["reasoning_effort"] == "low"
    create(world, "takes")
    assert (
        not {"temperature", "max_tokens", "stop", "tools"} & world.models.requests[-1].json.keys()
    )


def test_a_workflow_without_declared_input_gets_what_it_reads(world: World) -> None:
    config = {"model": "m", "prompt": "{{input.message}}", "temperature": "{{input.temperature}}"}
    world.store("reads", {"nodes": [{"id": "a", "type": "llm", "config": config}]})
    create(world, "reads", temperature=0.9)
    assert world.models.requests[-1].json["temperature"] == 0.9
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "reads", temperature=0.9, top_p=0.1)
    assert refused.value.param == "top_p"


@pytest.mark.parametrize(
    "sent",
    [
        {"tools": [WEATHER]},
        {"tool_choice": "required"},
        {"response_format": {"type": "json_object"}},
        {"temperature": 0.2},
        {"top_p": 0.9},
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
        {"stop": "END"},
        {"seed": 1},
        {"n": 2},
        {"presence_penalty": 0.1},
        {"frequency_penalty": -1},
        {"logit_bias": {"50256": -100}},
        {"logprobs": True},
        {"top_logprobs": 2},
        {"reasoning_effort": "high"},
        {"verbosity": "low"},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"prediction": {"type": "content", "content": "x"}},
        {"service_tier": "priority"},
        {"store": True},
        {"web_search_options": {}},
        {"functions": [{"name": "f"}]},
        {"extra_body": {"top_k": 3}},
    ],
)
def test_what_a_workflow_does_not_take_is_refused_by_name(world: World, sent: Any) -> None:
    world.store("echo", ECHO)
    before = len(world.models.requests)
    name = next(iter(sent.get("extra_body", sent)))
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "echo", **sent)
    body: Any = refused.value.body
    assert (body["param"], body["type"]) == (name, "invalid_request_error")
    assert body["message"].startswith(f"{name}: ")
    assert len(world.models.requests) == before


def test_what_changes_nothing_is_accepted(world: World) -> None:
    """It is what Open WebUI, LibreChat and LangChain send, whatever the model is."""
    world.store("echo", ECHO)
    done = create(
        world, "echo", temperature=1, top_p=1, presence_penalty=0, frequency_penalty=0, n=1,
        stop=None, max_tokens=None, logit_bias={}, logprobs=False, tools=[], tool_choice="auto",
        parallel_tool_calls=False, response_format={"type": "text"}, user="u", metadata={"a": "b"},
        store=False, service_tier="auto", modalities=["text"], safety_identifier="s",
        prompt_cache_key="k",
    )  # fmt: skip
    assert done.choices[0].message.content == "Hello."
    chunks = list(
        create(
            world, "echo", stream=True, stream_options={"include_usage": True}, tool_choice="none"
        )
    )
    assert chunks[-1].usage is not None
    assert "metadata" not in last_input(world, "echo")


def test_a_run_keeps_who_asked_and_the_metadata(world: World) -> None:
    world.store("echo", ECHO)
    metadata = {"chat": "7"}
    create(world, "echo", user="ada", metadata=metadata)
    world.openai.responses.create(model="echo", input="Hello.", user="ada", metadata=metadata)
    runs = world.api.get(f"{API}/runs", params={"workflow_id": "echo", "limit": 2}).json()["items"]
    for run in runs:
        [first, *_] = world.api.get(f"{API}/runs/{run['id']}/logs").json()["events"]
        assert first["kind"] == "run.created"
        assert (first["data"]["user"], first["data"]["metadata"]) == ("ada", metadata)
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "echo", metadata={"a": 1})
    assert refused.value.param == "metadata.a"


def test_pictures_and_files_reach_workflows_that_take_them(world: World) -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "auto"}},
        {"type": "file", "file": {"file_data": FILE, "filename": "a.pdf"}},
    ]
    config = {"model": "m", "messages": [{"role": "user", "content": "{{input.content}}"}]}
    looks = {"input": {"message": "string", "content": "any"},
             "nodes": [{"id": "a", "type": "llm", "config": config}]}  # fmt: skip
    world.store("looks", looks)
    world.store(
        "reads-all",
        {"nodes": [{"id": "a", "type": "llm", "config": {"model": "m", "messages": "{{input.messages}}"}}]},
    )  # fmt: skip
    for model in ("looks", "reads-all"):
        create(world, model, [{"role": "user", "content": parts}])
        [*_, sent] = world.models.requests[-1].json["messages"]
        assert [part["type"] for part in sent["content"]] == ["text", "image_url", "file"]
        assert sent["content"][1]["image_url"]["url"] == PICTURE
        assert sent["content"][2]["file"]["filename"] == "a.pdf"
        items: Any = [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        ]
        world.openai.responses.create(model=model, input=[{"role": "user", "content": items}])
        [*_, sent] = world.models.requests[-1].json["messages"]
        assert [part["type"] for part in sent["content"]] == ["text", "image_url"]
    create(world, "looks")
    assert world.models.requests[-1].json["messages"][-1]["content"] == "Hello."


def test_pictures_and_files_are_refused_by_workflows_that_do_not(world: World) -> None:
    world.store("echo", ECHO)
    text: Any = {"type": "text", "text": "x"}
    image: Any = {"type": "image_url", "image_url": {"url": PICTURE}}
    for part, where in (
        (image, "messages[0].content[1]"),
        ({"type": "file", "file": {"file_data": FILE}}, "messages[0].content[1]"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[1]"),
        ({"type": "input_audio", "input_audio": {}}, "messages[0].content[1]"),
        ({"type": "image_url", "image_url": {"url": PICTURE, "detail": "high"}},
         "messages[0].content[1].detail"),
    ):  # fmt: skip
        with pytest.raises(openai.BadRequestError) as refused:
            create(world, "echo", [{"role": "user", "content": [text, part]}])
        assert refused.value.param == where
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "echo", [{"role": "user", "content": 5}])
    assert refused.value.param == "messages[0].content"
    called = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "echo", [called, *HELLO])
    assert refused.value.param == "messages[0].function_call"
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "echo", [*HELLO, {"role": "assistant", "content": "Hi."}])
    assert refused.value.param == "messages[1].role"


def test_responses_have_the_same_rules(world: World) -> None:
    world.store("takes", TAKES)
    world.store("echo", ECHO)
    respond: Any = world.openai.responses.create
    flat = {"type": "function", "name": "weather", "parameters": {}, "strict": True}
    done = respond(
        model="takes", input="Hello.", temperature=0.4, max_output_tokens=20, tools=[flat],
        tool_choice={"type": "function", "name": "weather"}, reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}},
        metadata={"chat": "2"},
    )  # fmt: skip
    assert (done.temperature, done.max_output_tokens, done.metadata) == (0.4, 20, {"chat": "2"})
    sent = world.models.requests[-1].json
    assert (sent["temperature"], sent["max_tokens"]) == (0.4, 20)
    assert sent["tools"][0]["function"]["strict"] is True
    given = last_input(world, "takes")
    assert given["response_format"] == {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}},
    }  # fmt: skip
    assert (given["reasoning_effort"], given["metadata"]) == ("low", {"chat": "2"})
    respond(
        model="echo", input="Hello.", temperature=1, tools=[], store=True, truncation="disabled",
        text={"format": {"type": "text"}}, reasoning={}, include=[], parallel_tool_calls=True,
    )  # fmt: skip
    for name, more in (
        ("instructions", {"instructions": "Be brief."}),
        ("temperature", {"temperature": 0.1}),
        ("max_output_tokens", {"max_output_tokens": 5}),
        ("store", {"store": False}),
        ("reasoning_effort", {"reasoning": {"effort": "high"}}),
        ("reasoning.summary", {"reasoning": {"summary": "auto"}}),
        ("response_format", {"text": {"format": {"type": "json_object"}}}),
        ("tools", {"tools": [flat]}),
        ("include", {"include": ["reasoning.encrypted_content"]}),
        ("input[0].type", {"input": [{"type": "item_reference", "id": "x"}]}),
        ("input[0]", {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}),
    ):  # fmt: skip
        with pytest.raises(openai.BadRequestError) as refused:
            respond(**{"model": "echo", "input": "Hello.", **more})
        assert refused.value.param == name


def test_only_functions_are_tools(world: World) -> None:
    world.store("takes", TAKES)
    with pytest.raises(openai.BadRequestError) as refused:
        world.openai.responses.create(
            model="takes", input="Hello.", tools=[{"type": "web_search_preview"}]
        )
    assert refused.value.param == "tools[0]"
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "takes", tools=[WEATHER], tool_choice={"type": "allowed_tools"})
    assert refused.value.param == "tool_choice"


def test_models_are_the_workflows_that_answer_a_message(world: World) -> None:
    start = {"id": "a", "type": "start"}
    template = {"id": "a", "type": "template"}
    talkative = {
        "talks-declared": {"input": {"message": "string"}, "nodes": [start]},
        "talks-undeclared": {"nodes": [{**template, "config": {"template": "{{input.message}}"}}]},
        "talks-messages": {"input": {"messages": ["any"], "x": "string?"}, "nodes": [start]},
        "talks-content": {"input": {"content": "any"}, "nodes": [start]},
        "talks-all": {"nodes": [{**template, "config": {"template": "{{input | tojson}}"}}]},
        "talks-start": {"nodes": [start, {
            "id": "b", "type": "template", "depends_on": ["a"],
            "config": {"template": "{{a.output.message}}"}}]},
        "talks-approves": APPROVES,
    }  # fmt: skip
    mute = {
        "mute-declared": {"input": {"items": ["string"]}, "nodes": [start]},
        "mute-undeclared": {"nodes": [{**template, "config": {"template": "{{input.items}}"}}]},
        "mute-more": {"input": {"message": "string", "order": "string"}, "nodes": [start]},
        "mute-number": {"input": {"message": "integer"}, "nodes": [start]},
        "mute-nothing": {"nodes": [{**template, "config": {"template": "Hi."}}]},
    }  # fmt: skip
    for id, definition in (*talkative.items(), *mute.items()):
        world.store(id, definition)
    listed = {model.id for model in world.openai.models.list()}
    assert talkative.keys() <= listed
    assert not mute.keys() & listed
    for id in talkative:
        assert create(world, id).choices[0].finish_reason == "stop"
    # It takes a message, if the client also sends the rest.
    done = create(world, "mute-more", extra_body={"order": "A1"})
    assert "Hello." in done.choices[0].message.content
    with pytest.raises(openai.BadRequestError) as refused:
        create(world, "mute-undeclared")
    assert refused.value.code == "no-chat"
