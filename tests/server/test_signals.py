"""Runs that wait for several signals over HTTP, on both databases."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from fakes.processes import until
from fakes.runs_api import API, asked, begin, ended, run_of


@pytest.fixture
def name() -> str:
    """Return a name that no other test's signals have."""
    return f"s{uuid4().hex[:8]}"


def wait(id: str, *after: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "wait", "depends_on": list(after), "config": config}


def send(api: httpx.Client, name: str, data: Any = None, key: str = "") -> int:
    sent = api.post(f"{API}/signals", json={"name": name, "key": key, "data": data})
    assert sent.status_code == 200, sent.text
    return int(sent.json()["runs"])


def test_the_first_of_any_signals_ends_the_wait_and_the_others_are_not_waited_for(
    api: httpx.Client, name: str
) -> None:
    yes, no = f"{name}-yes", f"{name}-no"
    run = begin(api, [wait("w", any=[yes, no]), wait("after", "w", signal=no)])
    assert sorted(each["data"]["signal"] for each in asked(api, run["id"])) == sorted([yes, no])
    assert send(api, yes, 1) == 1
    done = _waiting_at(api, run["id"], "after")
    assert [each["data"]["signal"] for each in asked(api, run["id"])] == [no]
    assert done["nodes"]["w"]["output"]["signals"] == {yes: 1}
    assert send(api, no, 2) == 1
    assert ended(api, run["id"])["output"]["data"] == 2


def test_all_signals_are_waited_for(api: httpx.Client, name: str) -> None:
    names = [f"{name}-{n}" for n in "abc"]
    run = begin(
        api,
        [wait("w", all=[{"signal": each, "key": "{{input.n}}"} for each in names])],
        input={"n": 7},
    )
    for each in reversed(names):
        assert send(api, each, each[-1], key="7") == 1
    output = ended(api, run["id"])["output"]
    assert output["signals"] == {each: each[-1] for each in names}
    assert [one["data"] for one in output["received"]] == ["c", "b", "a"]


def test_signals_that_match_are_collected_until_there_are_enough(
    api: httpx.Client, name: str
) -> None:
    config = {"signal": name, "where": "{{data.yes}}", "stop_when": "{{received|length >= 2}}"}
    run = begin(api, [wait("votes", **config)])
    for by, yes in (("ada", True), ("bea", False), ("cy", True)):
        assert send(api, name, {"by": by, "yes": yes}) == 1
        if by != "cy":
            _waiting_at(api, run["id"], "votes")
    output = ended(api, run["id"])["output"]
    assert [one["data"]["by"] for one in output["received"]] == ["ada", "cy"]
    assert send(api, name, {"by": "dee", "yes": True}) == 0


def _waiting_at(api: httpx.Client, run_id: str, node: str) -> dict[str, Any]:
    def is_there() -> bool:
        run = run_of(api, run_id)
        found = run["nodes"].get(node, {}).get("status")
        return run["status"] == "waiting" and found == "waiting"

    until(is_there)
    return run_of(api, run_id)
