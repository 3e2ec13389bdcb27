"""Runs over HTTP, on both databases: waiting, watching and steering."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from fakes.processes import until
from fakes.runs_api import (
    API,
    asked,
    begin,
    ended,
    events_of,
    human,
    pause,
    require_orderly,
    run_of,
)


def test_a_person_is_asked_and_answers(api: httpx.Client) -> None:
    nodes = [
        human("ask", title="Ship {{input.n}}?", form={"note": "string"}, choices=["yes", "no"])
    ]
    run = begin(api, nodes, input={"n": 3})
    assert run["status"] == "waiting"
    assert run_of(api, run["id"])["nodes"]["ask"]["status"] == "waiting"
    (task,) = asked(api, run["id"])
    assert (task["kind"], task["status"], task["data"]["title"]) == ("human", "waiting", "Ship 3?")
    path = f"{API}/interrupts/{task['id']}/answer"
    refused = api.post(path, json={"answer": {"choice": "perhaps", "note": "Hm."}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "answer-refused")
    answer = {"choice": "yes", "note": "Fine."}
    for _ in range(2):
        given = api.post(path, json={"answer": answer})
        assert (given.status_code, given.json()["status"]) == (200, "answered")
    other = api.post(path, json={"answer": {"choice": "no", "note": "No."}})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "not-answerable")
    done = ended(api, run["id"])
    assert done["output"] == {**answer, "timed_out": False}
    assert asked(api, run["id"]) == []
    assert api.post(f"{API}/interrupts/nobody/answer", json={"answer": "x"}).status_code == 404
    require_orderly(events_of(api, run["id"]))


def test_many_clients_run_a_new_definition_at_the_same_time(api: httpx.Client) -> None:
    """None of those that keep it first is in the way of the others."""
    for round_ in range(10):
        nodes = [{"id": "a", "type": "template", "config": {"template": f"the {round_}th"}}]
        body = {"definition": {"nodes": nodes}, "wait": False}
        with ThreadPoolExecutor(8) as pool:
            begun = [pool.submit(api.post, f"{API}/workflows/execute", json=body) for _ in range(8)]
        assert [each.result().status_code for each in begun] == [200] * 8


def test_two_people_answer_at_the_same_time(api: httpx.Client) -> None:
    nodes = [human("one"), human("two"), {**pause("end", "one", "two"), "join": "all"}]
    run = begin(api, nodes)
    tasks = asked(api, run["id"])

    def answer(task: Any) -> int:
        path = f"{API}/interrupts/{task['id']}/answer"
        return api.post(path, json={"answer": "approve"}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(answer, tasks)) == [200, 200]
    done = ended(api, run["id"])
    assert done["status"] == "completed"
    assert {node["runs"] for node in done["nodes"].values()} == {1}


def test_a_signal_counts_before_and_after_the_wait_starts(api: httpx.Client) -> None:
    def paid(id: str, key: str, *after: str) -> dict[str, Any]:
        config = {"signal": "paid", "key": key}
        return {"id": id, "type": "wait", "depends_on": list(after), "config": config}

    run = begin(
        api, [paid("first", "{{input.n}}"), paid("second", "{{input.n}}", "first")], input={"n": 7}
    )
    assert run["status"] == "waiting"
    assert api.post(f"{API}/signals", json={"name": "paid", "key": "8"}).json() == {"runs": 0}
    body = {"name": "paid", "key": "7", "data": 1, "id": f"one-{run['id'][:8]}"}
    assert api.post(f"{API}/signals", json=body).json() == {"runs": 1}
    assert api.post(f"{API}/signals", json=body).json() == {"runs": 0}
    api.post(f"{API}/signals", json={**body, "data": 2, "id": f"two-{run['id'][:8]}"})
    done = ended(api, run["id"])
    assert [done["nodes"][n]["output"]["data"] for n in ("first", "second")] == [1, 2]


def test_one_run_signals_another(api: httpx.Client) -> None:
    waiting = begin(api, [{"id": "w", "type": "wait", "config": {"signal": "go"}}])
    begin(api, [{"id": "e", "type": "emit", "config": {"signal": "go", "data": [1]}}])
    assert ended(api, waiting["id"])["output"]["data"] == [1]


def test_a_timer_holds_no_worker(api: httpx.Client) -> None:
    started = time.monotonic()
    run = begin(api, [pause("a", seconds=2.5), pause("b", "a")], wait=False)
    until(lambda: run_of(api, run["id"])["status"] == "waiting")
    done = ended(api, run["id"])
    assert (done["status"], done["output"]) == ("completed", {"waited": 0.01})
    assert time.monotonic() - started >= 2.5


def test_a_caller_waits_for_times_that_come_soon_and_not_for_others(api: httpx.Client) -> None:
    assert begin(api, [pause("a", seconds=0.5), pause("b", "a")])["status"] == "completed"
    far = begin(api, [pause("a", seconds=3_600)])
    both = begin(api, [pause("a", seconds=0.5), human("ask")])
    assert (far["status"], both["status"]) == ("waiting", "waiting")
    assert begin(api, [pause("a")], delay=3_600)["status"] == "pending"


def test_a_caller_with_a_timeout_waits_for_people_until_then(api: httpx.Client) -> None:
    started = time.monotonic()
    assert begin(api, [human("ask")], timeout=0.5)["status"] == "waiting"
    assert begin(api, [pause("a", seconds=3_600)], timeout=0.5)["status"] == "waiting"
    assert time.monotonic() - started >= 1.0
    with ThreadPoolExecutor(1) as others:
        run = others.submit(begin, api, [human("late")], timeout=60)
        [task] = until(lambda: _named(api, "late"))
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
        assert run.result()["status"] == "completed"


def _named(api: httpx.Client, node_id: str) -> list[dict[str, Any]]:
    found = api.get(f"{API}/interrupts", params={"kind": "human", "limit": 200}).json()
    return [each for each in found if each["node_id"] == node_id]


@pytest.mark.parametrize("default", [True, False])
def test_a_question_expires(api: httpx.Client, default: bool) -> None:
    config = {"timeout": 1, **({"default": "reject"} if default else {})}
    run = begin(api, [human("ask", **config)])
    done = ended(api, run["id"])
    if default:
        assert done["output"] == {"choice": "reject", "timed_out": True}
    else:
        assert done["error"]["code"] == "timeout"


def test_a_run_is_submitted_with_a_key_once(api: httpx.Client) -> None:
    body = {"definition": {"nodes": [pause("a")]}, "wait": False, "priority": 1}
    headers = {"Idempotency-Key": "the same"}
    path = f"{API}/workflows/execute"
    runs = [api.post(path, json=body, headers=headers).json() for _ in range(3)]
    assert len({run["id"] for run in runs}) == 1
    # It starts in the process that was asked, without a wait in the queue.
    assert runs[0]["status"] == "running"
    assert ended(api, runs[0]["id"])["status"] == "completed"


def test_a_run_is_cancelled_while_a_node_is_at_work(api: httpx.Client) -> None:
    inner = {"nodes": [pause("w", seconds=0.9)]}
    config = {"items": list(range(40)), "max_parallel": 1, "body": inner}
    slow = {"id": "m", "type": "map", "config": config}
    body = {"definition": {"nodes": [slow]}, "wait": False}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    until(lambda: run_of(api, id)["nodes"])
    cancelled = api.post(f"{API}/runs/{id}/cancel").json()
    assert (cancelled["status"], cancelled["error"]["code"]) == ("cancelled", "cancelled")
    assert run_of(api, id)["nodes"]["m"]["status"] == "cancelled"
    executions = api.get(f"{API}/runs/{id}/history").json()
    assert [
        (each["status"], each["error"]["code"]) for each in executions if each["node_id"] == "m"
    ] == [("cancelled", "cancelled")]
    assert {each["status"] for each in executions} <= {"cancelled", "completed"}
    assert all(each["finished_at"] for each in executions)
    count = len(events_of(api, id))
    time.sleep(2.5)
    assert len(events_of(api, id)) == count
    assert count < 40
    assert api.post(f"{API}/runs/{id}/cancel").status_code == 200


def test_a_cancelled_run_is_listed_with_what_it_used(api: httpx.Client) -> None:
    say = {"id": "say", "type": "llm", "config": {"prompt": "one two"}}
    nodes = [say, pause("a", "say", seconds=0.9), pause("b", "a", seconds=0.9)]
    body = {"definition": {"nodes": nodes}, "wait": False}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    until(lambda: "a" in run_of(api, id)["nodes"])
    api.post(f"{API}/runs/{id}/cancel").raise_for_status()
    [listed] = [run for run in api.get(f"{API}/runs").json()["items"] if run["id"] == id]
    assert (listed["status"], listed["usage"]["total_tokens"]) == ("cancelled", 4)


def test_a_run_is_paused_and_resumed(api: httpx.Client) -> None:
    nodes = [pause("a", seconds=0.5), pause("b", "a", seconds=0.5), pause("c", "b", seconds=0.5)]
    body = {"definition": {"nodes": nodes}, "wait": False}
    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
    until(lambda: run_of(api, id)["nodes"])
    api.post(f"{API}/runs/{id}/pause")
    paused = until(lambda: (run := run_of(api, id))["status"] == "paused" and run)
    assert "c" not in paused["nodes"]
    assert api.post(f"{API}/runs/{id}/pause").json()["status"] == "paused"
    assert api.post(f"{API}/runs/{id}/resume").status_code == 200
    done = ended(api, id)
    assert {node["runs"] for node in done["nodes"].values()} == {1}
    conflict = api.post(f"{API}/runs/{id}/resume")
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "not-possible")
    require_orderly(events_of(api, id))


def test_a_failed_run_is_retried_from_where_it_failed(api: httpx.Client) -> None:
    missing = {
        "id": "b",
        "type": "http",
        "depends_on": ["a"],
        "config": {"url": "http://{{input.host|default('127.0.0.1')}}:9/"},
    }
    run = begin(api, [pause("a"), missing])
    assert run["status"] == "failed"
    assert api.post(f"{API}/runs/{run['id']}/retry").status_code == 200
    again = until(lambda: (r := run_of(api, run["id"]))["nodes"]["b"]["runs"] == 2 and r)
    assert again["nodes"]["a"]["runs"] == 1


def test_events_are_streamed_and_the_stream_is_resumed(api: httpx.Client) -> None:
    run = begin(api, [pause("a"), human("ask", "a"), pause("b", "ask")])
    path = f"{API}/runs/{run['id']}/events"
    first: list[dict[str, Any]] = []
    with api.stream("GET", path) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data:"):
                first.append(json.loads(line.removeprefix("data:")))
            if first and first[-1]["kind"] == "run.waiting":
                break
    (task,) = asked(api, run["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    rest: list[dict[str, Any]] = []
    with api.stream("GET", path, headers={"Last-Event-ID": str(first[-1]["number"])}) as response:
        rest += [
            json.loads(line.removeprefix("data:"))
            for line in response.iter_lines()
            if line.startswith("data:")
        ]
    assert [*first, *rest] == events_of(api, run["id"])
    assert rest[-1]["kind"] == "run.completed"
    require_orderly([*first, *rest])
    over = api.get(path, headers={"Last-Event-ID": str(rest[-1]["number"])})
    assert (over.status_code, over.content) == (204, b"")
    assert api.get(f"{API}/runs/nobody/events").status_code == 404


def test_events_come_over_a_websocket_and_by_long_poll(api: httpx.Client) -> None:
    run = begin(api, [pause("a")])
    url = str(api.base_url).replace("http", "ws", 1) + f"{API}/runs/{run['id']}/ws"
    with connect(url) as socket:
        told = [json.loads(message) for message in socket]
    assert told == events_of(api, run["id"])
    logs = f"{API}/runs/{run['id']}/logs"
    page = api.get(logs, params={"after": 2, "limit": 2, "wait": 5}).json()
    assert ([e["number"] for e in page["events"]], page["is_over"]) == ([3, 4], False)
    end = api.get(logs, params={"after": len(told), "wait": 5}).json()
    assert (end["events"], end["is_over"], end["status"]) == ([], True, "completed")


def test_a_schedule_whose_workflow_is_gone_is_disabled(api: httpx.Client) -> None:
    api.post(f"{API}/workflows", json={"id": "gone", "definition": {"nodes": [pause("a")]}})
    schedule = {"id": "left", "workflow_id": "gone", "cron": "* * * * * *"}
    made = api.post(f"{API}/schedules", json=schedule).json()
    assert (made["paused"], made["problem"]) == (False, None)
    assert len(made["next_times"]) == 3
    assert made["next_times"] == sorted(made["next_times"])
    api.delete(f"{API}/workflows/gone").raise_for_status()
    path = f"{API}/schedules/left"
    found = api.get(path).json()
    assert (found["paused"], "'gone' does not exist" in found["problem"]) == (True, True)
    assert found["next_times"] == []
    assert api.post(f"{path}/resume").status_code == 404
    api.post(f"{API}/workflows", json={"id": "gone", "definition": {"nodes": [pause("a")]}})
    assert api.post(f"{path}/resume").json()["paused"] is False
    assert api.delete(path).status_code == 204


def test_a_schedule_starts_runs(api: httpx.Client) -> None:
    api.post(f"{API}/workflows", json={"id": "tick", "definition": {"nodes": [pause("a")]}})
    path = f"{API}/schedules"
    every = {"id": "often", "workflow_id": "tick", "cron": "* * * * * *", "timezone": "Asia/Tokyo"}
    made = api.post(path, json=every)
    assert (made.status_code, made.json()["paused"]) == (201, False), made.text
    assert api.post(path, json=every).status_code == 409
    for field, wrong in (
        ("cron", "nonsense"),
        ("cron", "every day"),
        ("cron", "99 * * * *"),
        ("timezone", "Nowhere"),
        ("timezone", "../etc/passwd"),
        ("timezone", ""),
    ):
        refused = api.post(path, json={**every, "id": "other", field: wrong})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (422, "invalid-request"), error
        assert error["details"][0]["at"] == ["body", field]
        assert "DBOS" not in refused.text
    assert api.post(path, json={**every, "id": "x", "workflow_id": "none"}).status_code == 404

    def runs() -> int:
        return int(api.get(f"{API}/runs", params={"workflow_id": "tick"}).json()["total"])

    until(lambda: runs() >= 2)
    assert api.post(f"{path}/often/pause").json()["paused"] is True
    count = runs()
    time.sleep(3)
    assert runs() == count
    api.post(f"{path}/often/trigger")
    until(lambda: runs() == count + 1)
    window = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:04Z"}
    begun = [api.post(f"{path}/often/backfill", json=window).json()["runs"] for _ in range(2)]
    assert begun[0] == 3
    for end, problem in (
        ("2026-01-01T00:16:42Z", "A backfill starts at most 1,000 runs; choose an earlier end."),
        ("2026-01-01T00:16:42", "Input should have timezone info"),
    ):
        refused = api.post(f"{path}/often/backfill", json={**window, "end": end})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid-request")
        assert refused.json()["error"]["details"][0] == {"at": ["body", "end"], "message": problem}
    until(lambda: runs() == count + 4)
    assert [schedule["id"] for schedule in api.get(path).json()] == ["often"]
    assert api.delete(f"{path}/often").status_code == 204
    assert api.get(f"{path}/often").status_code == 404
    time.sleep(1)
    assert runs() == count + 4


def test_the_history_has_every_execution_of_a_node(api: httpx.Client) -> None:
    inner = {"nodes": [pause("w")]}
    each = {"id": "each", "type": "map", "config": {"items": [1, 2], "body": inner}}
    run = begin(api, [each, pause("end", "each")])
    history = api.get(f"{API}/runs/{run['id']}/history").json()
    ran = Counter((e["node_id"], e["status"]) for e in history)
    assert ran == {("each", "completed"): 1, ("w", "completed"): 2, ("end", "completed"): 1}
    assert all(e["started_at"] <= e["finished_at"] and e["attempts"] for e in history)


def _working(name: str, *after: str) -> list[dict[str, Any]]:
    """Nodes that keep a worker for some 2.8 seconds; a longer pause would let it go."""
    first = pause(f"{name}0", *after, seconds=0.7)
    return [first, *(pause(f"{name}{i}", f"{name}{i - 1}", seconds=0.7) for i in (1, 2, 3))]


def test_waiting_does_not_count_towards_the_timeout(api: httpx.Client) -> None:
    waits = begin(api, [human("ask")], definition={"settings": {"timeout": 2}})
    # While the second one works for longer than two seconds, the first one waits.
    nodes = [*_working("a"), human("ask", "a3"), *_working("b", "ask")]
    works = begin(api, nodes, definition={"settings": {"timeout": 5}})
    assert (waits["status"], works["status"]) == ("waiting", "waiting")
    for run in (waits, works):
        (task,) = asked(api, run["id"])
        api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    assert ended(api, waits["id"])["status"] == "completed"
    done = ended(api, works["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "timeout")


def test_a_watcher_that_reads_nothing_slows_no_run(api: httpx.Client) -> None:
    big = {"type": "template", "config": {"template": "x" * 50_000}}
    body = {"nodes": [{**big, "id": "big"}]}
    each = {"id": "each", "type": "map", "config": {"items": list(range(100)), "body": body}}
    nodes = [pause("begin", seconds=0.5), {**each, "depends_on": ["begin"]}]
    run = begin(api, nodes, wait=False)
    with api.stream("GET", f"{API}/runs/{run['id']}/events") as response:
        assert response.status_code == 200
        assert ended(api, run["id"])["status"] == "completed"
        numbers = [line for line in response.iter_lines() if line.startswith("id:")]
    assert len(numbers) == len(events_of(api, run["id"]))


def test_a_budget_holds_over_all_segments_of_a_run(api: httpx.Client) -> None:
    asked_model = {"type": "llm", "config": {"prompt": "one two three four", "max_tokens": 10}}
    nodes = [
        {**asked_model, "id": "a"},
        human("ask", "a"),
        {**asked_model, "id": "b", "depends_on": ["ask"]},
    ]
    run = begin(api, nodes, definition={"settings": {"budget": {"tokens": 30}}})
    assert (run["status"], run["usage"]["total_tokens"]) == ("waiting", 8)
    (task,) = asked(api, run["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    done = ended(api, run["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "budget-exceeded")
    assert done["error"]["node_id"] == "b"
