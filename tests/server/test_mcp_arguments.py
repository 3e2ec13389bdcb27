"""Requests over MCP are held to plain JSON, and get no message of a library or a database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fakes.processes import serving
from fakes.runs_api import API

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
INNER = ("INSERT", "SELECT", "sqlalche", "psycopg", "sqlite", "Traceback", "parameters", "Error(")


def store(api: httpx.Client, id: str = "show") -> None:
    show = {"id": "show", "type": "template", "config": {"template": "{{input.x}}"}}
    api.post(f"{API}/workflows", json={"id": id, "definition": {"nodes": [show]}})


def sent(api: httpx.Client, method: str, params: str) -> str:
    body = f'{{"jsonrpc": "2.0", "id": 1, "method": "{method}", "params": {params}}}'
    return api.post("/mcp", content=body.encode(), headers=HEADERS).text


def call(api: httpx.Client, arguments: str, name: str = '"show"') -> str:
    return sent(api, "tools/call", f'{{"name": {name}, "arguments": {arguments}}}')


def test_a_plain_call_returns_the_output(api: httpx.Client) -> None:
    store(api)
    assert "one" in call(api, '{"x": "one"}')


@pytest.mark.parametrize(
    "x",
    ["NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"', '"\\ud800"', "[" * 70 + "]" * 70,
     str(1 << 300)],
    ids=["nan", "infinity", "minus", "float", "nul", "surrogate", "deep", "integer"],
)  # fmt: skip
def test_arguments_that_are_not_plain_json_are_refused(api: httpx.Client, x: str) -> None:
    store(api)
    before = api.get(f"{API}/runs").json()["total"]
    text = call(api, f'{{"x": {x}}}')
    assert '"isError":true' in text.replace(" ", "") or '"error"' in text
    assert not [word for word in INNER if word in text]
    assert api.get(f"{API}/runs").json()["total"] == before


@pytest.mark.parametrize("name", ['"none"', '"a\\u0000"', '"\\ud800"', json.dumps("x" * 100_000)])
def test_a_name_that_cannot_be_is_no_workflow(api: httpx.Client, name: str) -> None:
    text = call(api, "{}", name)
    assert not [word for word in INNER if word in text]
    assert len(text) < 1_000


@pytest.mark.parametrize("cursor", ["²", "9" * 30, "-1", "a", ""])
def test_a_cursor_that_is_none_begins_at_the_first_page(api: httpx.Client, cursor: str) -> None:
    store(api)
    text = sent(api, "tools/list", json.dumps({"cursor": cursor}))
    assert '"show"' in text
    assert not [word for word in INNER if word in text]


def test_a_database_that_fails_is_one_sentence(tmp_path: Path) -> None:
    with serving(tmp_path / "d", {}) as (api, _):
        store(api)
        assert "one" in call(api, '{"x": "one"}')
        rename_tables(tmp_path / "d" / "flowc.db")
        for text in (call(api, '{"x": "one"}'), sent(api, "tools/list", "{}")):
            assert "The database cannot be reached or written to; try again later." in text
            assert not [word for word in INNER if word in text]


def rename_tables(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma legacy_alter_table = on")
        for table in ("workflows", "runs", "events"):
            connection.execute(f"alter table {table} rename to {table}_elsewhere")
        connection.commit()
