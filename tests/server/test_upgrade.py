"""A database of the first version that stored runs durably is upgraded, and what waited continues.

The files in `former` are what revision 0006 wrote, on each database: runs that wait for a person, a
time and a signal, one at a breakpoint, one that completed and one that failed; a conversation, a
file, a schedule and a webhook.
"""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import database_of

from fakes.places import TESTS
from fakes.processes import serving
from fakes.runs_api import API, asked, ended

FORMER = TESTS / "server" / "former"


def text_of(name: str) -> str:
    return gzip.decompress((FORMER / f"{name}.sql.gz").read_bytes()).decode()


@pytest.fixture(params=["sqlite", "postgres"])
def former(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str], Any]:
    """Return a data folder, its database, and the ids of what is in it."""
    data, database = tmp_path / "d", database_of(request)
    data.mkdir()
    if database:
        with psycopg.connect(database["FLOWC_DATABASE_URL"], autocommit=True) as connection:
            connection.execute(text_of("postgres").encode())
    else:
        for name in ("flowc", "checkpoints"):
            with closing(sqlite3.connect(data / f"{name}.db")) as file:
                file.executescript(text_of(name))
    return data, database, json.loads((FORMER / f"{request.param}.json").read_text())


def test_what_waited_continues(former: tuple[Path, dict[str, str], Any]) -> None:
    data, database, ids = former
    env = {**database, "FLOWC_SECRET_HOOK": "whsec_" + "YWJj" * 10}
    with serving(data, env) as (api, _):
        # Its time is over.
        assert ended(api, ids["timer"])["output"] == {"text": "woke"}
        (question,) = asked(api, ids["run"])
        api.post(f"{API}/interrupts/{question['id']}/answer", json={"answer": "approve"})
        run = ended(api, ids["run"])
        assert run["output"]["results"] == [{"text": "a Hi Ada"}, {"text": "b Hi Ada"}], run
        # What was done before is not done again.
        assert (run["nodes"]["first"]["runs"], run["version"]) == (1, 1)
        api.post(f"{API}/signals", json={"name": "paid", "key": "7", "data": 5})
        assert ended(api, ids["signal"])["output"]["data"] == 5
        api.post(f"{API}/runs/{ids['paused']}/resume").raise_for_status()
        assert ended(api, ids["paused"])["output"] == {"text": "Hi P"}
        assert api.get(f"{API}/runs/{ids['done']}").json()["output"] == {"text": "Hi Grace"}
        api.post(f"{API}/runs/{ids['failed']}/retry").raise_for_status()
        assert ended(api, ids["failed"])["error"]["code"] == "failed-on-purpose"


def test_all_else_is_there_after_it(former: tuple[Path, dict[str, str], Any]) -> None:
    data, database, ids = former
    with serving(data, {**database, "FLOWC_SECRET_HOOK": "whsec_" + "YWJj" * 10}) as (api, _):
        said = api.get(f"{API}/threads/{ids['thread']}/messages").json()
        assert [each["content"] for each in said] == [
            "hello",
            "hello",
        ]
        assert api.get(f"{API}/knowledge/files/{ids['file']}/content").text == "Ships sail."
        assert [each["id"] for each in api.get(f"{API}/schedules").json()] == ["nightly"]
        assert [each["path"] for each in api.get(f"{API}/webhooks").json()] == ["crm"]
        run = api.post(f"{API}/workflows/asks/execute", json={"input": {"name": "New"}}).json()
        assert (run["status"], run["version"]) == ("waiting", 1)
