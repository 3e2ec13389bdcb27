"""Races over HTTP, on both databases: people, time, and how losers are shown."""

from typing import Any

import httpx

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


def merge(id: str, *after: str, join: Any = "first") -> dict[str, Any]:
    return {"id": id, "type": "merge", "join": join, "depends_on": list(after)}


def start(id: str = "begin") -> dict[str, Any]:
    return {"id": id, "type": "start"}


def answer(api: httpx.Client, run: str, node: str, given: Any = "approve") -> httpx.Response:
    (question,) = [task for task in asked(api, run) if task["node_id"] == node]
    return api.post(f"{API}/interrupts/{question['id']}/answer", json={"answer": given})


def statuses(run: dict[str, Any]) -> dict[str, str]:
    return {name: node["status"] for name, node in run["nodes"].items()}


def test_two_of_three_people_decide_and_the_third_is_asked_no_more(api: httpx.Client) -> None:
    people = [human(name, "begin", title="Publish?") for name in ("ada", "grace", "alan")]
    nodes = [start(), *people, merge("both", "ada", "grace", "alan", join={"at_least": 2})]
    run = begin(api, nodes)
    assert run["status"] == "waiting" and len(asked(api, run["id"])) == 3
    (late,) = [task["id"] for task in asked(api, run["id"]) if task["node_id"] == "alan"]
    assert answer(api, run["id"], "ada").status_code == 200
    until(lambda: run_of(api, run["id"])["status"] == "waiting")
    assert answer(api, run["id"], "grace").status_code == 200
    done = run_of(api, ended(api, run["id"])["id"])
    assert set(done["output"]) == {"ada", "grace"}
    assert statuses(done) == {
        "begin": "completed", "ada": "completed", "grace": "completed", "alan": "cancelled",
        "both": "completed",
    }  # fmt: skip
    assert asked(api, run["id"]) == []
    refused = api.post(f"{API}/interrupts/{late}/answer", json={"answer": "approve"})
    assert refused.status_code == 409
    require_orderly(events_of(api, run["id"]))


def test_a_question_that_no_one_needs_is_closed_while_the_run_continues(api: httpx.Client) -> None:
    race = [human("ada", "begin"), human("alan", "begin"), merge("pick", "ada", "alan")]
    run = begin(api, [start(), *race, human("then", "pick")])
    assert answer(api, run["id"], "alan").status_code == 200
    open_now = until(
        lambda: (
            [t for t in asked(api, run["id"]) if t["node_id"] == "then"] and asked(api, run["id"])
        )
    )
    assert [task["node_id"] for task in open_now] == ["then"]
    assert answer(api, run["id"], "then").status_code == 200
    assert ended(api, run["id"])["status"] == "completed"


def test_two_rejections_of_three_decide_as_well(api: httpx.Client) -> None:
    people = [human(name, "begin") for name in ("ada", "grace", "alan")]
    publish = {"id": "publish", "type": "merge", "join": {"at_least": 2}}
    edges = [
        {"source": name, "target": "publish", "branch": "approve"}
        for name in ("ada", "grace", "alan")
    ]
    run = begin(api, [start(), *people, publish], definition={"edges": edges})
    answer(api, run["id"], "ada", "reject")
    until(lambda: run_of(api, run["id"])["status"] == "waiting")
    answer(api, run["id"], "alan", "reject")
    done = run_of(api, ended(api, run["id"])["id"])
    assert statuses(done) | {"begin": ""} == {
        "begin": "", "ada": "completed", "alan": "completed", "grace": "cancelled",
        "publish": "skipped",
    }  # fmt: skip
    assert asked(api, run["id"]) == []


def test_a_timer_that_races_is_on_time_although_others_work(api: httpx.Client) -> None:
    busy = [pause("work", "begin", seconds=0.9), pause("work2", "work", seconds=0.9)]
    more = [pause(f"work{n}", f"work{n - 1}", seconds=0.9) for n in (3, 4, 5, 6, 7, 8)]
    late = pause("limit", "begin", seconds=1.5)
    run = begin(api, [start(), *busy, *more, late, merge("pick", "work8", "limit")])
    done = run_of(api, ended(api, run["id"])["id"])
    assert statuses(done)["limit"] == statuses(done)["pick"] == "completed"
    assert done["nodes"]["work8"]["status"] == "skipped"
    assert "cancelled" in statuses(done).values()


def test_what_is_cancelled_is_in_the_events_the_history_and_the_graph(api: httpx.Client) -> None:
    slow = [human("slow", "begin"), pause("after", "slow")]
    run = begin(api, [start(), pause("fast", "begin"), *slow, merge("pick", "fast", "after")])
    assert run["status"] == "completed"
    found = [(e["kind"], e["node_id"], e["data"]) for e in events_of(api, run["id"])]
    assert ("node.cancelled", "slow", {"by": "pick"}) in found
    assert ("node.skipped", "after", {}) in found
    history = api.get(f"{API}/runs/{run['id']}/history").json()
    rows = history["executions"] if isinstance(history, dict) else history
    assert {row["node_id"]: row["status"] for row in rows}["slow"] == "cancelled"
    assert asked(api, run["id"]) == []


def test_a_race_in_a_map_asks_for_each_item_and_closes_what_loses(api: httpx.Client) -> None:
    body = {"nodes": [start("s"), human("ada", "s"), human("alan", "s"), merge("p", "ada", "alan")]}
    each = {"id": "each", "type": "map", "config": {"items": [1, 2], "body": body}}
    run = begin(api, [each])
    assert len(asked(api, run["id"])) == 4
    (first,) = [
        t for t in asked(api, run["id"]) if (t["node_id"], t["path"]) == ("ada", "each#0/0/")
    ]
    api.post(f"{API}/interrupts/{first['id']}/answer", json={"answer": "approve"})
    left = until(lambda: len(asked(api, run["id"])) == 2 and asked(api, run["id"]))
    assert {task["path"] for task in left} == {"each#0/1/"}
    api.post(f"{API}/interrupts/{left[0]['id']}/answer", json={"answer": "approve"})
    assert len(ended(api, run["id"])["output"]["results"]) == 2
    assert asked(api, run["id"]) == []


def test_a_node_that_contains_questions_loses_with_all_of_them(api: httpx.Client) -> None:
    body = {"nodes": [human("ask")]}
    each = {"id": "each", "type": "map", "depends_on": ["begin"]}
    each["config"] = {"items": [1, 2], "body": body}
    run = begin(api, [start(), each, human("boss", "begin"), merge("pick", "each", "boss")])
    assert len(asked(api, run["id"])) == 3
    answer(api, run["id"], "boss")
    done = run_of(api, ended(api, run["id"])["id"])
    assert asked(api, run["id"]) == []
    assert {statuses(done)[name] for name in ("each", "each.ask")} == {"cancelled"}
