"""Who began a run and who answered its question is known, and a question is for whom it names."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from fakes.served import Served, serving
from flowc.server.app import API

SECRET = "a secret that is shared by those who sign"


def person(name: str, role: str = "operator", **claims: Any) -> str:
    about = {"sub": name, "role": role, "iat": time.time(), "exp": time.time() + 600, **claims}
    return jwt.encode(about, SECRET, "HS256")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", jwt_secret=SECRET, jwt_name_claim="email") as found:
        yield found


async def begun(served: Served, **question: Any) -> dict[str, Any]:
    """Begin a run that asks, and return its question."""
    definition = {"nodes": [{"id": "ask", "type": "human", "config": question}]}
    body = {"definition": definition}
    run = await served.ask("POST", f"{API}/workflows/execute", served.admin, json=body)
    assert run.json()["status"] == "waiting", run.text
    asked = await served.ask("GET", f"{API}/interrupts?run_id={run.json()['id']}", served.admin)
    found: dict[str, Any] = asked.json()[0]
    return found


async def answered(served: Served, asked: dict[str, Any], key: str) -> Any:
    path = f"{API}/interrupts/{asked['id']}/answer"
    return await served.ask("POST", path, key, json={"answer": "approve"})


async def test_a_question_is_answered_by_the_person_it_names(served: Served) -> None:
    asked = await begun(served, assignee="ada@example.com")
    for other in (
        person("ada@example.com"),
        person("bob", email="bob@example.com"),
        person("x", email=["bob@example.com"]),
        person("x", email=None),
        await served.new_key(role="operator", groups=["ada@example.com"]),
    ):
        refused = await answered(served, asked, other)
        assert refused.status_code == 403, refused.text
    assert "ada@example.com" in refused.json()["error"]["message"]
    assert (await answered(served, asked, person("x", email="ada@example.com"))).status_code == 200


async def test_a_question_is_answered_by_the_group_it_names(served: Served) -> None:
    asked = await begun(served, role="accounting")
    for other in (person("a"), person("accounting"), person("a", groups="sales")):
        assert (await answered(served, asked, other)).status_code == 403
    key = await served.new_key(name="till", role="operator", groups=["accounting"])
    found = await answered(served, asked, key)
    assert found.status_code == 200
    assert found.json()["answered_by"] == f"key {key.split('_')[1]} (till)"


async def test_a_person_and_a_group_must_both_fit(served: Served) -> None:
    asked = await begun(served, assignee="ada", role="accounting")
    for other in (person("x", email="ada"), person("x", email="bob", groups=["accounting"])):
        assert (await answered(served, asked, other)).status_code == 403
    ada = person("x", email="ada", groups=["sales", "accounting"])
    assert (await answered(served, asked, ada)).status_code == 200


async def test_people_list_what_is_asked_of_them_and_of_their_groups(served: Served) -> None:
    for_ada = await begun(served, assignee="ada")
    for_accounting = await begun(served, role="accounting")
    await begun(served, assignee="bob", role="sales")
    ada = person("x", email="ada", groups=["accounting"])

    async def listed(query: str, key: str = ada) -> list[str]:
        found = await served.ask("GET", f"{API}/interrupts?kind=human&{query}", key)
        return [each["id"] for each in found.json()]

    assert await listed("asks=me") == [for_ada["id"]]
    assert await listed("asks=groups") == [for_accounting["id"]]
    assert await listed("asks=groups&role=sales") == []
    assert await listed("asks=me", served.admin) == []
    assert len(await listed("")) == 3
    for query, number in (("asks=me", 1), ("asks=groups", 1), ("", 3), ("status=answered", 0)):
        url = f"{API}/interrupts/count?kind=human&{query}"
        assert (await served.ask("GET", url, ada)).json() == {"count": number}


async def test_what_was_answered_last_comes_first_if_it_is_asked_for(served: Served) -> None:
    asked = [await begun(served, title=str(number)) for number in range(3)]
    for number in (1, 0, 2):
        assert (await answered(served, asked[number], served.admin)).status_code == 200
    url = f"{API}/interrupts?kind=human&status=answered"
    found = await served.ask("GET", f"{url}&sort=-answered_at", served.admin)
    assert [each["data"]["title"] for each in found.json()] == ["2", "0", "1"]
    first = await served.ask("GET", url, served.admin)
    assert [each["data"]["title"] for each in first.json()] == ["0", "1", "2"]


async def test_an_administrator_answers_for_others(served: Served) -> None:
    asked = await begun(served, assignee="ada")
    found = await answered(served, asked, served.admin)
    assert (found.status_code, found.json()["status"]) == (200, "answered")
    whole = await served.ask("GET", f"{API}/interrupts/{asked['id']}", served.admin)
    assert whole.json()["answered_by"].endswith("(first)")


async def test_a_message_in_a_chat_answers_only_what_is_asked_of_its_sender(served: Served) -> None:
    ask = {"id": "ask", "type": "human", "config": {"title": "Sure?", "assignee": "ada"}}
    definition = {"id": "care", "nodes": [ask]}
    body: Any = {"id": "care", "definition": definition}
    assert (await served.ask("POST", f"{API}/workflows", served.admin, json=body)).is_success
    url = f"{API}/workflows/care/chat"
    begin = {"message": "hi", "stream": False}
    first = await served.ask("POST", url, person("x", email="bob"), json=begin)
    assert first.json()["status"] == "waiting", first.text
    more = {"message": "approve", "stream": False, "thread_id": first.json()["thread_id"]}
    refused = await served.ask("POST", url, person("x", email="bob"), json=more)
    assert refused.status_code == 403, refused.text
    done = await served.ask("POST", url, person("x", email="ada"), json=more)
    assert done.json()["status"] == "completed", done.text
    messages = await served.ask("GET", f"{API}/threads/{more['thread_id']}/messages", served.admin)
    assert messages.text.count('"approve"') == 1


async def test_runs_name_who_began_them(served: Served) -> None:
    say = {"id": "say", "nodes": [{"id": "s", "type": "template", "config": {"template": "x"}}]}
    body: Any = {"id": "say", "definition": say}
    assert (await served.ask("POST", f"{API}/workflows", served.admin, json=body)).is_success
    ada = person("ada")
    ran = await served.ask("POST", f"{API}/workflows/say/execute", ada, json={})
    run = await served.ask("GET", f"{API}/runs/{ran.json()['id']}", ada)
    assert run.json()["started_by"] == "user ada"
    forked = await served.ask(
        "POST", f"{API}/runs/{ran.json()['id']}/replay", served.admin, json={}
    )
    assert forked.json()["started_by"].endswith("(first)"), forked.text
    timed = {"id": "nightly", "workflow_id": "say", "cron": "0 3 1 1 *"}
    await served.ask("POST", f"{API}/schedules", served.admin, json=timed)
    await served.ask("POST", f"{API}/schedules/nightly/trigger", served.admin)
    runs: list[Any] = []
    async with asyncio.timeout(60):
        while len(runs) < 3:
            await asyncio.sleep(0.05)
            runs = (await served.ask("GET", f"{API}/runs", ada)).json()["items"]
    assert {run["started_by"] for run in runs} >= {"user ada", "schedule nightly"}
