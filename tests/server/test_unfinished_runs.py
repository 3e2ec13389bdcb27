"""A tenant has no more unfinished runs than the setting allows, in all processes together."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.conversations import ECHO
from fakes.processes import new_database, serving
from fakes.runs_api import API, asked, ended, human, pause
from fakes.served import serving as serving_here

EXECUTE = f"{API}/workflows/execute"
ASKS = {"definition": {"nodes": [human("ask")]}}
QUICK = {"definition": {"nodes": [pause("a")]}}


def begun(api: httpx.Client, body: Any = ASKS, **headers: str) -> httpx.Response:
    return api.post(EXECUTE, json=body, headers=headers)


def require_full(answer: httpx.Response) -> None:
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too-many-runs"
    assert "2 unfinished runs" in answer.json()["error"]["message"]
    assert int(answer.headers["retry-after"]) > 0


def test_a_further_run_is_refused_until_one_has_ended(
    database: dict[str, str], tmp_path: Path
) -> None:
    env = {**database, "FLOWC_MAX_UNFINISHED_RUNS": "2"}
    with serving(tmp_path / "d", env) as (api, _):
        # Runs that end count no more.
        assert [begun(api, QUICK).status_code for _ in range(3)] == [200] * 3
        first = begun(api, **{"idempotency-key": "a"}).json()["id"]
        second = begun(api).json()["id"]
        for body in (ASKS, QUICK, {**QUICK, "wait": False}, {**QUICK, "delay": 60}):
            require_full(begun(api, body))
        assert api.get(f"{API}/runs").json()["total"] == 5
        # A repeated key finds its run, also now.
        assert begun(api, **{"idempotency-key": "a"}).json()["id"] == first
        # A failed run that would continue is one more, too.
        api.post(f"{API}/runs/{second}/terminate")
        third = begun(api).json()["id"]
        require_full(api.post(f"{API}/runs/{second}/retry"))
        assert api.get(f"{API}/runs/{second}").json()["status"] == "failed"
        # Those that wait can continue.
        question = asked(api, third)[0]["id"]
        api.post(f"{API}/interrupts/{question}/answer", json={"answer": "approve"})
        assert ended(api, third)["status"] == "completed"
        assert api.post(f"{API}/runs/{second}/retry").status_code == 200


def test_processes_count_together(postgres: str, tmp_path: Path) -> None:
    env = {**new_database(postgres), "FLOWC_MAX_UNFINISHED_RUNS": "10"}
    with (
        serving(tmp_path / "a", env) as (one, _),
        serving(tmp_path / "b", env) as (two, _),
        ThreadPoolExecutor(8) as pool,
    ):
        sent = [one, two] * 20
        found = Counter(answer.status_code for answer in pool.map(begun, sent))
        assert found == {200: 10, 429: 30}
        waiting = one.get(f"{API}/runs", params={"status": "waiting"}).json()["total"]
        assert waiting == 10


async def test_each_tenant_has_its_own_number(tmp_path: Path) -> None:
    async with serving_here(tmp_path / "d", max_unfinished_runs=1) as served:
        other = await served.new_key(role="admin", tenant="acme")
        for key in (served.admin, other):
            found = [
                (await served.ask("POST", EXECUTE, key, json=ASKS)).status_code for _ in range(2)
            ]
            assert found == [200, 429]


async def test_a_full_tenant_has_no_chats_and_its_thread_keeps_no_message(tmp_path: Path) -> None:
    async with serving_here(tmp_path / "d", max_unfinished_runs=1) as served:
        body = {"id": "talk", "definition": ECHO}
        await served.ask("POST", f"{API}/workflows", served.admin, json=body)
        thread = (await served.ask("POST", f"{API}/threads", served.admin, json={})).json()["id"]
        await served.ask("POST", EXECUTE, served.admin, json=ASKS)
        said = {"message": "Hello", "thread_id": thread}
        refused = await served.ask("POST", f"{API}/workflows/talk/chat", served.admin, json=said)
        assert refused.status_code == 429, refused.text
        messages = await served.ask("GET", f"{API}/threads/{thread}/messages", served.admin)
        assert messages.json() == []


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_a_number_that_makes_no_sense_is_refused(value: str) -> None:
    from flowc.server.settings import Settings

    with pytest.raises(ValueError, match="max_unfinished_runs"):
        Settings(max_unfinished_runs=value)  # type: ignore[arg-type]
