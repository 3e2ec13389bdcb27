"""Chats with workflows over threads."""

import json
from typing import Any

import httpx
import openai
import pytest

from fakes.conversations import APPROVES, ECHO, REMEMBERS, World
from fakes.loopback import Reply, Request, calls, completion, endless, reply_json, streamed
from fakes.processes import until
from fakes.runs_api import API

MISREAD = 'I did not understand this answer; say "cancel" to withdraw the question.'


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    found, kind = [], ""
    for line in response.text.splitlines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


def test_a_conversation_continues_in_its_thread(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.replies[:] = [streamed(["Hel", "lo."]), streamed(["You said hi."])]
    first = world.chat("remembers", "Hi!")
    assert (first["message"], first["status"]) == ("Hello.", "completed")
    second = world.chat("remembers", "What did I say?", thread_id=first["thread_id"])
    assert second["message"] == "You said hi."
    assert world.asked() == [
        ["Be kind.", "Hi!"],
        ["Be kind.", "Hi!", "Hello.", "What did I say?"],
    ]
    messages = world.api.get(f"{API}/threads/{first['thread_id']}/messages").json()
    assert [(m["number"], m["role"], m["content"]) for m in messages] == [
        (1, "user", "Hi!"),
        (2, "assistant", "Hello."),
        (3, "user", "What did I say?"),
        (4, "assistant", "You said hi."),
    ]
    assert messages[1]["run_id"] == first["run_id"]
    runs = world.api.get(f"{API}/threads/{first['thread_id']}/runs").json()
    assert [run["id"] for run in runs["items"]] == [second["run_id"], first["run_id"]]
    listed = world.api.get(f"{API}/threads", params={"workflow_id": "remembers"}).json()
    assert listed["items"][0]["id"] == first["thread_id"]
    assert world.api.delete(f"{API}/threads/{first['thread_id']}").status_code == 204
    assert world.api.get(f"{API}/threads/{first['thread_id']}/messages").status_code == 404
    assert world.api.get(f"{API}/runs/{first['run_id']}").status_code == 200


def test_messages_beyond_the_memory_are_summarized_once(world: World) -> None:
    world.store("remembers", REMEMBERS)
    long = "I have " + "many " * 12 + "apples."
    summaries: list[Request] = []

    def answer(asked: Request) -> Reply:
        last = asked.json["messages"][-1]["content"]
        if last.startswith("Sum up"):
            summaries.append(asked)
            return completion("They have apples.")
        return streamed(["Fine."])

    world.replies[:] = [answer]
    thread = world.chat("remembers", long)["thread_id"]
    for _ in range(3):
        world.chat("remembers", long, thread_id=thread)
    assert len(summaries) == 1
    assert long in [m["content"] for m in summaries[0].json["messages"]]
    sent = world.models.requests[-1].json["messages"]
    assert sent[1]["content"].endswith("They have apples.")
    assert [m["content"] for m in sent].count(long) < 4


def test_an_answer_is_streamed_as_it_arrives(world: World) -> None:
    world.store("remembers", REMEMBERS)
    world.replies[:] = [streamed(["One ", "two ", "three."], pause=0.1)]
    response = world.api.post(f"{API}/workflows/remembers/chat", json={"message": "Count."})
    found = events(response)
    assert found[0][0] == "thread"
    assert "".join(data["text"] for kind, data in found if kind == "token") == "One two three."
    assert len([kind for kind, _ in found if kind == "token"]) > 1
    assert (found[-1][0], found[-1][1]["text"]) == ("message", "One two three.")
    assert found[-1][1]["usage"]["completion_tokens"] == 3


def test_a_failed_run_is_reported_and_leaves_no_message_in_the_memory(world: World) -> None:
    world.store("remembers", REMEMBERS)
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
    world.store("approves", APPROVES)
    asked = world.chat("approves", "Order 7.")
    assert asked["status"] == "waiting"
    assert asked["message"] == "Refund 7 EUR?\nAnswer with one of: approve, reject."
    thread = asked["thread_id"]
    again = world.chat("approves", "What?", thread_id=thread)
    assert (again["status"], again["message"]) == ("waiting", f"{MISREAD}\n{asked['message']}")
    done = world.chat("approves", "Yes.", thread_id=thread)
    assert (done["run_id"], done["message"]) == (asked["run_id"], "Refunded: Order 7.")
    messages = world.api.get(f"{API}/threads/{thread}/messages").json()
    assert [m["content"] for m in messages] == [
        "Order 7.", asked["message"], "What?", again["message"], "Yes.", "Refunded: Order 7.",
    ]  # fmt: skip


def test_a_message_to_another_workflow_is_no_answer(world: World) -> None:
    for id in ("bank", "toy"):
        world.store(id, APPROVES)
    asked = world.chat("bank", "Order 7.")
    for name in ("toy", "toy@1"):
        body = {"message": "approve", "thread_id": asked["thread_id"], "stream": False}
        refused = world.api.post(f"{API}/workflows/{name}/chat", json=body)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (409, "thread-of-another-workflow")
    with pytest.raises(openai.ConflictError, match="another workflow"):
        world.openai.responses.create(
            model="toy", input="approve", previous_response_id=f"resp_{asked['run_id']}"
        )
    assert world.api.get(f"{API}/runs/{asked['run_id']}").json()["status"] == "waiting"
    done = world.chat("bank", "approve", thread_id=asked["thread_id"])
    assert done["message"] == "Refunded: Order 7."
    refused = world.api.post(f"{API}/workflows/toy/chat", json=body)
    assert refused.status_code == 409


def test_a_message_that_is_sent_again_is_no_answer_to_the_question_it_leads_to(
    world: World,
) -> None:
    world.store("approves", APPROVES)
    thread = world.api.post(f"{API}/threads").json()["id"]
    for more in ({}, {"thread_id": thread}):
        body = {"message": "approve", "stream": False, **more}
        headers = {"idempotency-key": f"again-{bool(more)}-{thread}"}
        url = f"{API}/workflows/approves/chat"
        first, again = (world.api.post(url, json=body, headers=headers).json() for _ in range(2))
        assert first == again
        assert again["status"] == "waiting"
        other = world.api.post(url, json={**body, "message": "reject"}, headers=headers)
        assert (other.status_code, other.json()["error"]["code"]) == (409, "key-taken")


def test_an_answer_that_is_sent_again_is_the_same_turn(world: World) -> None:
    world.store("approves", APPROVES)
    url = f"{API}/workflows/approves/chat"
    asked = world.chat("approves", "Order 7.")
    body = {"message": "Yes.", "thread_id": asked["thread_id"], "stream": False}
    headers = {"idempotency-key": f"answer {asked['run_id']}"}
    first, again = (world.api.post(url, json=body, headers=headers).json() for _ in range(2))
    assert first == again
    assert (first["run_id"], first["message"]) == (asked["run_id"], "Refunded: Order 7.")
    messages = world.api.get(f"{API}/threads/{asked['thread_id']}/messages").json()
    assert [m["content"] for m in messages].count("Yes.") == 1
    other = world.api.post(url, json={**body, "message": "No."}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key-taken")
    # The key is one workflow's own.
    world.store("echo", ECHO)
    elsewhere = world.api.post(
        f"{API}/workflows/echo/chat", json={"message": "x", "stream": False}, headers=headers
    ).json()
    assert elsewhere["run_id"] != asked["run_id"]


def test_the_steps_of_an_agent_are_streamed(world: World) -> None:
    tool = {"id": "weather", "type": "template", "config": {"template": "{{arguments.city}}: 20°"}}
    config = {"model": "m", "prompt": "{{input.message}}", "tools": [tool]}
    world.store("helper", {"nodes": [{"id": "a", "type": "agent", "config": config}]})
    world.replies[:] = [
        calls(("weather", {"city": "Rome"}), text="Let me look."),
        completion("20°."),
    ]
    found = events(world.api.post(f"{API}/workflows/helper/chat", json={"message": "Rome?"}))
    assert [kind for kind, _ in found] == [
        "thread", "thought", "tool_call", "tool_result", "token", "message",
    ]  # fmt: skip
    assert found[3][1] == {"id": "call_0", "result": "Rome: 20°"}


def test_messages_that_cannot_start_a_run_are_refused(world: World) -> None:
    world.store("echo", ECHO)
    world.store("mute", {"input": {"x": "string"}, "nodes": [{"id": "a", "type": "start"}]})
    slow = {"nodes": [{"id": "w", "type": "wait", "config": {"for": "1h"}}]}
    world.store("slow", slow)
    thread = world.api.post(f"{API}/threads", json={"metadata": {"a": 1}}).json()
    assert thread["metadata"] == {"a": 1}
    for id, body, status, code in (
        ("none", {"message": "x"}, 404, "no-such-workflow"),
        ("mute", {"message": "x"}, 422, "no-chat"),
        ("echo", {"message": ""}, 422, "invalid-request"),
        ("echo", {"message": "x", "thread_id": "no/ne"}, 422, "invalid-request"),
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


def test_requests_with_one_idempotency_key_start_one_turn(world: World) -> None:
    world.store("echo", ECHO)
    thread = world.api.post(f"{API}/threads").json()["id"]
    body = {"message": "x", "thread_id": thread, "stream": False}
    headers = {"idempotency-key": f"once-{thread}"}
    url = f"{API}/workflows/echo/chat"
    first, second = (world.api.post(url, json=body, headers=headers).json() for _ in range(2))
    assert first["run_id"] == second["run_id"]
    assert len(world.api.get(f"{API}/threads/{thread}/messages").json()) == 2


def test_a_repeated_request_joins_the_turn_while_it_is_running(world: World) -> None:
    world.store("slow", {"nodes": [{"id": "w", "type": "wait", "config": {"for": "1h"}}]})
    url, headers = f"{API}/workflows/slow/chat", {"idempotency-key": "slowly"}
    found = []
    for _ in range(2):
        with world.api.stream("POST", url, json={"message": "x"}, headers=headers) as response:
            assert response.status_code == 200
            lines = response.iter_lines()
            assert next(lines) == "event: thread"
            found.append(json.loads(next(lines).removeprefix("data: ")))
    assert found[0] == found[1]


def test_cancelling_a_run_closes_the_request_to_its_model(world: World) -> None:
    hung_up: list[bool] = []

    world.store("remembers", REMEMBERS)
    world.replies[:] = [lambda asked: endless(hung_up)]
    body = {"input": {"message": "x"}, "wait": False}
    run = world.api.post(f"{API}/workflows/remembers/execute", json=body).json()
    until(lambda: world.models.requests)
    world.api.post(f"{API}/runs/{run['id']}/cancel").raise_for_status()
    assert until(lambda: hung_up) == [True]


def test_the_runs_of_a_workflow_share_a_budget(world: World) -> None:
    config = {"model": "m", "prompt": "{{input.message}}", "max_tokens": 10}
    nodes = [{"id": "say", "type": "llm", "config": config}]
    budget = {"tokens": 45, "per": "day"}
    world.store("frugal", {"settings": {"workflow_budget": budget}, "nodes": nodes})
    world.replies[:] = [completion("Fine.")]
    turns = [world.chat("frugal", "Hello.") for _ in range(4)]
    assert [turn["status"] for turn in turns] == ["completed"] * 3 + ["failed"]
    assert turns[3]["error"]["code"] == "budget-exceeded"
    message = turns[3]["error"]["message"]
    assert "The workflow's budget per day is 45 tokens; 30 are spent" in message
    assert len(world.models.requests) == 3
    # A failed call costs nothing.
    world.store("cheap", {"settings": {"workflow_budget": budget}, "nodes": nodes})
    world.replies[:] = [reply_json({"error": {"message": "no"}}, 400)]
    assert [world.chat("cheap", "Hello.")["error"]["code"] for _ in range(4)] == [
        "model-refused"
    ] * 4
