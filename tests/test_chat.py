"""People talk with workflows: over threads, and with clients made for OpenAI."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import openai
import pytest
from conftest import database_of
from loopback import Reply, Request, Server, calls, completion, reply_json, streamed
from loopback import serving as loopback
from processes import serving, until
from runs_api import API, human

ECHO = {
    "name": "Echo",
    "nodes": [{"id": "say", "type": "llm", "config": {"prompt": "{{input.message}}"}}],
}
REMEMBERS = {
    "nodes": [
        {
            "id": "say",
            "type": "llm",
            "config": {
                "model": "m",
                "system": "Be kind.",
                "prompt": "{{input.message}}",
                "stream": True,
                "memory": {"max_tokens": 60, "summarize": True},
            },
        },
        {"id": "done", "type": "end", "config": {"output": "{{say.output.text}}"}, "depends_on": ["say"]},
    ]
}  # fmt: skip
APPROVES = {
    "input": {"message": "string"},
    "nodes": [
        human("ask", title="Refund 7 EUR?", choices=["approve", "reject"]),
        {
            "id": "yes",
            "type": "template",
            "config": {"template": "Refunded: {{input.message}}"},
        },
        {"id": "no", "type": "template", "config": {"template": "Not refunded."}},
    ],
    "edges": [
        {"source": "ask", "target": "yes", "branch": "approve"},
        {"source": "ask", "target": "no", "branch": "reject"},
    ],
}


@dataclass
class World:
    """A server of ours, and a model's server that says what it is told to."""

    api: httpx.Client
    models: Server
    openai: openai.OpenAI
    replies: list[Any] = field(default_factory=list)

    def keep(self, id: str, definition: Any) -> None:
        body = {"id": id, "definition": definition}
        if self.api.post(f"{API}/workflows", json=body).status_code == 409:
            self.api.put(f"{API}/workflows/{id}", json=body).raise_for_status()

    def chat(self, id: str, message: str, **more: Any) -> dict[str, Any]:
        body = {"message": message, "stream": False, **more}
        response = self.api.post(f"{API}/workflows/{id}/chat", json=body)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def asked(self) -> list[list[str]]:
        """What the model was asked, each time: the contents of the messages."""
        found = [request.json["messages"] for request in self.models.requests]
        return [[message["content"] for message in messages] for messages in found]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("chat")
    world: World

    def answer(asked: Request) -> Reply:
        reply: Any = world.replies.pop(0) if len(world.replies) > 1 else world.replies[0]
        return cast(Reply, reply(asked) if callable(reply) else reply)

    with loopback(answer) as models:
        alias = {"model": "openai/gpt-4", "api_base": f"{models.url}/v1", "api_key": "sk-x"}
        (folder / "models.json").write_text(json.dumps({"m": alias}))
        env = {**database_of(request), "FLOWC_MODELS_FILE": str(folder / "models.json")}
        with (
            serving(folder / "d", env) as (api, _),
            openai.OpenAI(base_url=f"{api.base_url}/v1", api_key="any", timeout=30) as client,
        ):
            world = World(api, models, client)
            yield world


@pytest.fixture
def world(served: World) -> World:
    served.models.requests.clear()
    served.replies[:] = [completion("nothing")]
    return served


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    found, kind = [], ""
    for line in response.text.splitlines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


def test_a_conversation_goes_on_in_its_thread(world: World) -> None:
    world.keep("remembers", REMEMBERS)
    world.replies[:] = [streamed(["Hel", "lo."]), streamed(["You said hi."])]
    first = world.chat("remembers", "Hi!")
    assert (first["message"], first["status"]) == ("Hello.", "completed")
    second = world.chat("remembers", "What did I say?", thread_id=first["thread_id"])
    assert second["message"] == "You said hi."
    assert world.asked() == [
        ["Be kind.", "Hi!"],
        ["Be kind.", "Hi!", "Hello.", "What did I say?"],
    ]
    said = world.api.get(f"{API}/threads/{first['thread_id']}/messages").json()
    assert [(m["number"], m["role"], m["content"]) for m in said] == [
        (1, "user", "Hi!"),
        (2, "assistant", "Hello."),
        (3, "user", "What did I say?"),
        (4, "assistant", "You said hi."),
    ]
    assert said[1]["run_id"] == first["run_id"]
    runs = world.api.get(f"{API}/threads/{first['thread_id']}/runs").json()
    assert [run["id"] for run in runs["items"]] == [second["run_id"], first["run_id"]]
    listed = world.api.get(f"{API}/threads", params={"workflow_id": "remembers"}).json()
    assert listed["items"][0]["id"] == first["thread_id"]
    assert world.api.delete(f"{API}/threads/{first['thread_id']}").status_code == 204
    assert world.api.get(f"{API}/threads/{first['thread_id']}/messages").status_code == 404
    assert world.api.get(f"{API}/runs/{first['run_id']}").status_code == 200


def test_what_falls_out_of_memory_is_summed_up_once(world: World) -> None:
    world.keep("remembers", REMEMBERS)
    long = "I have " + "many " * 12 + "apples."
    summed: list[Request] = []

    def answer(asked: Request) -> Reply:
        last = asked.json["messages"][-1]["content"]
        if last.startswith("Sum up"):
            summed.append(asked)
            return completion("They have apples.")
        return streamed(["Fine."])

    world.replies[:] = [answer]
    thread = world.chat("remembers", long)["thread_id"]
    for _ in range(3):
        world.chat("remembers", long, thread_id=thread)
    assert len(summed) == 1
    assert long in [m["content"] for m in summed[0].json["messages"]]
    told = world.models.requests[-1].json["messages"]
    assert told[1]["content"].endswith("They have apples.")
    assert [m["content"] for m in told].count(long) < 4


def test_an_answer_is_streamed_as_it_comes(world: World) -> None:
    world.keep("remembers", REMEMBERS)
    world.replies[:] = [streamed(["One ", "two ", "three."], pause=0.1)]
    response = world.api.post(f"{API}/workflows/remembers/chat", json={"message": "Count."})
    found = events(response)
    assert found[0][0] == "thread"
    assert "".join(data["text"] for kind, data in found if kind == "token") == "One two three."
    assert len([kind for kind, _ in found if kind == "token"]) > 1
    assert (found[-1][0], found[-1][1]["text"]) == ("message", "One two three.")
    assert found[-1][1]["usage"]["completion_tokens"] == 3


def test_a_run_that_fails_says_so_and_is_not_remembered(world: World) -> None:
    world.keep("remembers", REMEMBERS)
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400), streamed(["Fine."])]
    failed = world.chat("remembers", "Bad.")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "model-refused")
    world.chat("remembers", "Good.", thread_id=failed["thread_id"])
    assert world.asked()[-1] == ["Be kind.", "Good."]
    body = {"message": "x"}
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400)]
    found = events(world.api.post(f"{API}/workflows/remembers/chat", json=body))
    assert (found[-1][0], found[-1][1]["code"]) == ("error", "model-refused")


def test_a_question_is_answered_by_the_next_message(world: World) -> None:
    world.keep("approves", APPROVES)
    asked = world.chat("approves", "Order 7.")
    assert asked["status"] == "waiting"
    assert asked["message"] == "Refund 7 EUR?\nAnswer with one of: approve, reject."
    thread = asked["thread_id"]
    again = world.chat("approves", "What?", thread_id=thread)
    assert (again["status"], again["message"]) == ("waiting", asked["message"])
    done = world.chat("approves", "Yes.", thread_id=thread)
    assert (done["run_id"], done["message"]) == (asked["run_id"], "Refunded: Order 7.")
    said = world.api.get(f"{API}/threads/{thread}/messages").json()
    assert [m["content"] for m in said] == [
        "Order 7.", asked["message"], "Yes.", "Refunded: Order 7.",
    ]  # fmt: skip


def test_what_an_agent_does_is_told(world: World) -> None:
    tool = {"id": "weather", "type": "template", "config": {"template": "{{arguments.city}}: 20°"}}
    config = {"model": "m", "prompt": "{{input.message}}", "tools": [tool]}
    world.keep("helper", {"nodes": [{"id": "a", "type": "agent", "config": config}]})
    world.replies[:] = [
        calls(("weather", {"city": "Rome"}), text="Let me look."),
        completion("20°."),
    ]
    found = events(world.api.post(f"{API}/workflows/helper/chat", json={"message": "Rome?"}))
    assert [kind for kind, _ in found] == [
        "thread", "thought", "tool_call", "tool_result", "token", "message",
    ]  # fmt: skip
    assert found[3][1] == {"id": "call_0", "result": "Rome: 20°"}


def test_what_cannot_be_said_is_refused(world: World) -> None:
    world.keep("echo", ECHO)
    world.keep("mute", {"input": {"x": "string"}, "nodes": [{"id": "a", "type": "start"}]})
    slow = {"nodes": [{"id": "w", "type": "wait", "config": {"for": "1h"}}]}
    world.keep("slow", slow)
    thread = world.api.post(f"{API}/threads", json={"metadata": {"a": 1}}).json()
    assert thread["metadata"] == {"a": 1}
    for id, body, status, code in (
        ("none", {"message": "x"}, 404, "no-such-workflow"),
        ("mute", {"message": "x"}, 422, "no-chat"),
        ("echo", {"message": ""}, 422, "invalid-request"),
        ("echo", {"message": "x", "thread_id": "none"}, 404, "no-such-thread"),
    ):
        response = world.api.post(f"{API}/workflows/{id}/chat", json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    with world.api.stream(
        "POST",
        f"{API}/workflows/slow/chat",
        json={"message": "x", "thread_id": thread["id"]},
    ) as response:
        assert response.status_code == 200
    body = {"message": "y", "thread_id": thread["id"]}
    busy = world.api.post(f"{API}/workflows/slow/chat", json=body)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "thread-busy")


def test_a_key_begins_one_turn(world: World) -> None:
    world.keep("echo", ECHO)
    thread = world.api.post(f"{API}/threads").json()["id"]
    body = {"message": "x", "thread_id": thread, "stream": False}
    headers = {"idempotency-key": f"once-{thread}"}
    url = f"{API}/workflows/echo/chat"
    first, second = (world.api.post(url, json=body, headers=headers).json() for _ in range(2))
    assert first["run_id"] == second["run_id"]
    assert len(world.api.get(f"{API}/threads/{thread}/messages").json()) == 2


def test_a_key_gives_back_its_turn_while_it_is_under_way(world: World) -> None:
    world.keep("slow", {"nodes": [{"id": "w", "type": "wait", "config": {"for": "1h"}}]})
    url, headers = f"{API}/workflows/slow/chat", {"idempotency-key": "slowly"}
    found = []
    for _ in range(2):
        with world.api.stream("POST", url, json={"message": "x"}, headers=headers) as response:
            assert response.status_code == 200
            lines = response.iter_lines()
            assert next(lines) == "event: thread"
            found.append(json.loads(next(lines).removeprefix("data: ")))
    assert found[0] == found[1]


def test_whoever_cancels_a_run_hangs_up_on_its_model(world: World) -> None:
    hung_up: list[bool] = []

    def slow(asked: Request) -> Reply:
        def send(wire: Any) -> None:
            try:
                for _ in range(200):
                    wire.write(b": still here\n\n")
                    wire.flush()
                    time.sleep(0.05)
            except OSError:
                hung_up.append(True)

        return Reply(headers={"content-type": "text/event-stream"}, send=send)

    world.keep("remembers", REMEMBERS)
    world.replies[:] = [slow]
    body = {"input": {"message": "x"}, "wait": False}
    run = world.api.post(f"{API}/workflows/remembers/execute", json=body).json()
    until(lambda: world.models.requests)
    world.api.post(f"{API}/runs/{run['id']}/cancel").raise_for_status()
    assert until(lambda: hung_up) == [True]


def test_an_openai_client_sees_workflows_as_models(world: World) -> None:
    world.keep("echo", ECHO)
    assert "echo" in [model.id for model in world.openai.models.list()]
    assert world.openai.models.retrieve("echo@1").id == "echo@1"
    with pytest.raises(openai.NotFoundError) as caught:
        world.openai.models.retrieve("none")
    assert caught.value.code == "model_not_found"


def test_an_openai_client_completes(world: World) -> None:
    world.keep("echo", ECHO)
    done = world.openai.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "Good morning."}], temperature=0.3
    )
    assert done.choices[0].message.content == "Good morning."
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (2, 2)
    parts: Any = [{"type": "text", "text": "In parts."}]
    messages: Any = [{"role": "developer", "content": "x"}, {"role": "user", "content": parts}]
    done = world.openai.chat.completions.create(model="echo@1", messages=messages)
    assert done.choices[0].message.content == "In parts."


def test_an_openai_client_streams(world: World) -> None:
    world.keep("remembers", REMEMBERS)
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


def test_an_openai_client_gets_errors_as_it_knows_them(world: World) -> None:
    world.keep("remembers", REMEMBERS)
    world.keep("mute", {"input": {"x": "string"}, "nodes": [{"id": "a", "type": "start"}]})
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


def test_an_openai_client_is_given_tool_calls(world: World) -> None:
    config = {"model": "m", "messages": "{{input.messages}}", "functions": "{{input.tools}}"}
    world.keep("tools", {"nodes": [{"id": "a", "type": "llm", "config": config}]})
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


def test_an_openai_client_answers_a_question(world: World) -> None:
    world.keep("approves", APPROVES)
    create = world.openai.chat.completions.create
    messages: Any = [{"role": "user", "content": "Order 8."}]
    asked = create(model="approves", messages=messages).choices[0].message.content
    assert asked == "Refund 7 EUR?\nAnswer with one of: approve, reject."
    messages += [{"role": "assistant", "content": asked}, {"role": "user", "content": "Hm."}]
    again = create(model="approves", messages=messages).choices[0].message.content
    assert again == asked
    messages += [{"role": "assistant", "content": asked}, {"role": "user", "content": "ok"}]
    stream: Any = create(model="approves", messages=messages, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said == "Refunded: Order 8."


def test_an_openai_client_goes_on_from_a_response(world: World) -> None:
    world.keep("remembers", REMEMBERS)
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
    # Going on from the first one again, the second one was never said.
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
    world.keep("remembers", REMEMBERS)
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


def test_a_response_asks_and_the_next_one_answers(world: World) -> None:
    world.keep("approves", APPROVES)
    client = world.openai
    asked = client.responses.create(model="approves", input="Order 9.")
    assert asked.output_text.startswith("Refund 7 EUR?")
    done = client.responses.create(model="approves", input="reject", previous_response_id=asked.id)
    assert (done.output_text, done.id != asked.id) == ("Not refunded.", True)


def test_the_runs_of_a_workflow_share_a_budget(world: World) -> None:
    config = {"model": "m", "prompt": "{{input.message}}", "max_tokens": 10}
    nodes = [{"id": "say", "type": "llm", "config": config}]
    budget = {"tokens": 45, "per": "day"}
    world.keep("frugal", {"settings": {"workflow_budget": budget}, "nodes": nodes})
    world.replies[:] = [completion("Fine.")]
    said = [world.chat("frugal", "Hello.") for _ in range(4)]
    assert [turn["status"] for turn in said] == ["completed"] * 3 + ["failed"]
    assert said[3]["error"]["code"] == "budget-exceeded"
    assert (
        "The workflow, in each day, may spend 45 tokens; 30 are spent"
        in said[3]["error"]["message"]
    )
    assert len(world.models.requests) == 3
    # A call that failed has come to nothing.
    world.keep("cheap", {"settings": {"workflow_budget": budget}, "nodes": nodes})
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400)]
    assert [world.chat("cheap", "Hello.")["error"]["code"] for _ in range(4)] == [
        "model-refused"
    ] * 4
