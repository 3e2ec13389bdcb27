"""What changed in meaning, and what did not."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import from_data
from flowc.compiler.reports.comparison import compare
from flowc.server.cli import app
from flowc.server.records.runs import RunRecord
from flowc.server.store import Database, StoredWorkflows
from flowc.server.store.runs.steering import RunStart, Steering
from flowc.server.store.runs.writer import Writer
from flowc.server.store.workflows import NewVersion

BASE: dict[str, Any] = {
    "name": "Base",
    "input": {"text": "string"},
    "nodes": [
        {"id": "ask", "type": "llm", "config": {"prompt": "One\nTwo", "temperature": 0.5}},
        {"id": "say", "type": "template", "config": {"template": "{{ask.output.text}}"}},
        {
            "id": "each",
            "type": "map",
            "config": {
                "items": [1],
                "body": {"nodes": [{"id": "x", "type": "template", "config": {"template": "x"}}]},
            },
        },
    ],
    "edges": [{"source": "ask", "target": "say"}, {"source": "say", "target": "each"}],
}


def changed(**paths: Any) -> dict[str, Any]:
    """Return the base with values put where paths such as `nodes__0__config__prompt` lead."""
    data = copy.deepcopy(BASE)
    for path, value in paths.items():
        *way, last = [int(part) if part.isdigit() else part for part in path.split("__")]
        place: Any = data
        for step in way:
            place = place[step]
        place[last] = value
    return data


def found(new: Any, old: Any = BASE) -> list[tuple[str, str]]:
    changes = compare(read_definition(from_data(old)), read_definition(from_data(new)))
    return [(change.kind, change.subject) for change in changes]


def test_layout_order_and_names_are_no_change() -> None:
    data = changed(name="Other", nodes__0__name="Ask", nodes__0__position={"x": 1, "y": 2})
    assert found(dict(reversed(list(data.items())))) == []
    assert read_definition(from_data(data)).hash == read_definition(from_data(BASE)).hash


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (changed(nodes__0__config__prompt="One\nThree"), [("changed", "node ask: prompt")]),
        (changed(nodes__0__type="template"), [("changed", "node ask: type")]),
        (changed(nodes__0__retry={"max_attempts": 5}), [("added", "node ask: retry")]),
        (changed(input={"text": "integer"}), [("changed", "input.properties.text.type")]),
        (changed(variables={"a": 1}), [("added", "variables")]),
        (changed(edges=BASE["edges"][:1]), [("removed", "edge say → each")]),
        (
            changed(nodes__2__config__body__nodes__0__config__template="y"),
            [("changed", "node each / node x: template")],
        ),
        (changed(nodes__0__config__temperature=True), [("changed", "node ask: temperature")]),
        (
            changed(nodes=[*BASE["nodes"], {"id": "new", "type": "merge"}]),
            [("added", "node new")],
        ),
        (
            changed(nodes=BASE["nodes"][:2], edges=BASE["edges"][:1]),
            [("removed", "node each"), ("removed", "edge say → each")],
        ),
    ],
)
def test_each_change_is_named(new: Any, expected: list[tuple[str, str]]) -> None:
    assert found(new) == expected


def test_a_renamed_node_and_its_edges_are_one_change() -> None:
    text = json.dumps(BASE).replace('"say"', '"tell"')
    assert found(json.loads(text)) == [("renamed", "node say")]


def test_the_command_shows_prompts_line_by_line_and_says_that_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWC_DATA_DIR", str(tmp_path / "data"))
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(BASE))
    new.write_text(json.dumps(changed(nodes__0__config__prompt="One\nThree")))
    shown = CliRunner().invoke(app, ["diff", str(old), str(new)])
    assert shown.exit_code == 1
    assert "~ node ask: prompt" in shown.stdout
    assert "-Two" in shown.stdout and "+Three" in shown.stdout
    assert "0 unfinished run(s)" in shown.stdout
    same = CliRunner().invoke(app, ["diff", str(old), str(old), "--json"])
    assert (same.exit_code, json.loads(same.stdout)) == (0, {"changes": [], "waiting_runs": []})
    assert CliRunner().invoke(app, ["diff", "nothing@3", str(old)]).exit_code == 2


async def _keep_runs(file: Path) -> None:
    database = await Database.open(f"sqlite:///{file}")
    workflows = StoredWorkflows(database, "default")
    await workflows.create("ask", NewVersion("Old", "a" * 64, BASE))
    await workflows.replace(
        "ask", NewVersion("New", "b" * 64, changed(nodes__0__config__prompt="One\nThree"))
    )
    nobody: Any = None
    writer = Writer(database)
    steering = Steering(database, nobody, writer)
    for id, number, pinned in (("r1", 1, "of what it used then"), ("r2", 2, "b" * 64)):
        run = RunRecord(
            id=id, workflow_id="ask", version=number, hash=pinned, input={}, status="waiting"
        )
        await steering.create("default", run, RunStart(worker="w", is_awaited=True))
    writer.close()
    await database.close()


def test_runs_of_a_stored_version_are_found_whatever_it_used_when_they_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWC_DATA_DIR", str(tmp_path / "data"))
    asyncio.run(_keep_runs(tmp_path / "data" / "flowc.db"))
    shown = CliRunner().invoke(app, ["diff", "ask@1", "ask@2", "--json"])
    assert json.loads(shown.stdout)["waiting_runs"] == ["r1"]
