"""Workflows move in bundles: exported, imported all or none, deployed from a folder and pulled."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.command import flowc_here
from fakes.processes import serving
from fakes.runs_api import API

INNER = "# What others run.\nnodes: [{id: a, type: template, config: {template: inner}}]\n"
OUTER = "nodes: [{id: sub, type: subworkflow, config: {workflow: inner}}]\n"
ALONE = "nodes: [{id: a, type: start}]\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("server") / "d") as (found, _):
        yield found


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("other") / "d") as (found, _):
        yield found


def on(api: httpx.Client, *arguments: str | Path) -> Any:
    return flowc_here(*arguments, FLOWC_SERVER_URL=str(api.base_url))


def folder_of(path: Path, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text)
    return path


def ids(api: httpx.Client, **params: Any) -> list[str]:
    return [each["id"] for each in api.get(f"{API}/workflows", params=params).json()["items"]]


def test_a_workflow_moves_with_all_that_it_runs(api: httpx.Client, other: httpx.Client) -> None:
    yaml = {"content-type": "application/yaml"}
    for id, text in (("inner", INNER), ("outer", OUTER)):
        api.put(f"{API}/workflows/{id}", content=text, headers=yaml).raise_for_status()
    api.put(f"{API}/workflows/inner/labels", json={"labels": {"team": "x"}}).raise_for_status()
    bundle = api.get(f"{API}/workflows/outer/export").json()
    assert [each["id"] for each in bundle["workflows"]] == ["inner", "outer"]
    bundle["workflows"].reverse()
    planned = other.post(f"{API}/workflows/import", params={"dry_run": True}, json=bundle).json()
    assert (planned["is_valid"], planned["is_stored"], ids(other)) == (True, False, [])
    done = other.post(f"{API}/workflows/import", json=bundle)
    assert done.status_code == 200, done.text
    assert {(each["action"], each["version"]) for each in done.json()["workflows"]} == {
        ("create", 1)
    }
    assert other.get(f"{API}/workflows/inner/source").text == INNER
    assert ids(other, label="team:x") == ["inner"]
    run = other.post(f"{API}/workflows/outer/execute").json()
    assert "inner" in json.dumps(run["output"])
    again = other.post(f"{API}/workflows/import", json=bundle).json()
    assert {each["action"] for each in again["workflows"]} == {"unchanged"}


def test_nothing_is_imported_if_one_workflow_has_an_error(api: httpx.Client) -> None:
    good = {"id": "good", "source": ALONE, "format": "yaml"}
    for source in ("nodes: [{id: a, type: strat}]", "nodes: ["):
        bad = {"id": "bad", "source": source, "format": "yaml"}
        refused = api.post(f"{API}/workflows/import", json={"workflows": [good, bad]})
        assert refused.status_code == 422
        error = refused.json()["error"]
        assert error["code"] == "definition-refused"
        assert error["details"][0]["file"] == "bad.yaml"
        assert error["details"][0]["line"] is not None
        assert "good" not in ids(api)


def test_a_folder_is_deployed_changed_and_pruned(api: httpx.Client, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "flows", first=OUTER.replace("inner", "second"), second=INNER)
    planned = on(api, "deploy", folder, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "+ first" in planned.stdout
    assert "2 to create, 0 to change, 0 to delete, 0 unchanged." in planned.stdout
    assert "first" not in ids(api)
    unasked = on(api, "deploy", folder)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    done = on(api, "deploy", folder, "--yes", "--message", "From the folder.")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Done."), done.stderr
    assert api.get(f"{API}/workflows/first").json()["message"] == "From the folder."
    folder_of(folder, second=INNER + "# Changed.\n", third=ALONE)
    (folder / "first.yaml").unlink()
    kept = on(api, "deploy", folder, "--yes")
    assert "1 to create, 1 to change, 0 to delete, 0 unchanged." in kept.stdout
    assert {"first", "second", "third"} <= set(ids(api))
    api.put(f"{API}/workflows/mine", json={"nodes": [{"id": "a", "type": "start"}]})
    pruned = on(api, "deploy", folder, "--yes", "--prune", "--json")
    assert json.loads(pruned.stdout)["deleted"] == ["first"]
    # What another deployment or person has stored stays.
    assert {"mine", "second", "third"} <= set(ids(api))
    assert "first" not in ids(api)
    idle = on(api, "deploy", folder, "--prune")
    assert (idle.returncode, "2 unchanged" in idle.stdout) == (0, True)


CASES = """\
# What must hold.
workflow: tested.yaml
cases: [{name: inner, expect: {output: {text: inner}}}]
"""


def test_cases_move_with_their_workflow(
    api: httpx.Client, other: httpx.Client, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "flows", tested=INNER)
    (folder / "tested.test.yaml").write_text(CASES)
    done = on(api, "deploy", folder, "--yes")
    assert "1 to create, 0 to change" in done.stdout, done.stderr
    assert api.post(f"{API}/workflows/tested/cases/run").json()["passed"] == 1
    assert "1 unchanged" in on(api, "deploy", folder, "--yes").stdout
    (folder / "tested.test.yaml").write_text(CASES.replace("name: inner", "name: other"))
    changed = on(api, "deploy", folder, "--yes")
    assert "0 to create, 1 to change" in changed.stdout, changed.stderr
    [case] = api.get(f"{API}/workflows/tested/cases").json()["cases"]
    assert (case["name"], api.get(f"{API}/workflows/tested").json()["version"]) == ("other", 1)
    into = tmp_path / "into"
    on(api, "pull", "tested", "--into", into)
    assert (into / "tested.test.yaml").read_text() == (folder / "tested.test.yaml").read_text()
    assert flowc_here("test", into).returncode == 0
    bundle = api.get(f"{API}/workflows/tested/export").json()
    other.post(f"{API}/workflows/import", json=bundle).raise_for_status()
    assert other.post(f"{API}/workflows/tested/cases/run").json()["passed"] == 1


def test_nothing_is_deployed_if_cases_have_a_mistake(api: httpx.Client, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "flows", untested=INNER)
    (folder / "untested.test.yaml").write_text(CASES.replace("expect:", "expects:"))
    done = on(api, "deploy", folder, "--yes")
    assert (done.returncode, "expect" in done.stderr) == (2, True), done.stderr
    assert "untested" not in ids(api)


def test_a_mistake_in_a_folder_is_shown_with_its_line(api: httpx.Client, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "flows", fine=ALONE, wrong="nodes:\n  - {id: a, type: strat}\n")
    done = on(api, "deploy", folder, "--yes")
    assert done.returncode == 2
    assert f"{folder / 'wrong.yaml'}:2:19: error[unknown-node-type]" in done.stderr
    assert "Did you mean 'start'?" in done.stderr
    assert "fine" not in ids(api)
    empty = on(api, "deploy", folder_of(tmp_path / "empty"), "--yes")
    assert (empty.returncode, "There is no definition" in empty.stderr) == (2, True)
    (folder / "wrong.yaml").unlink()
    (folder / "fine.json").write_text("{}")
    assert "is the workflow 'fine', too" in on(api, "deploy", folder, "--plan").stderr


def test_workflows_are_pulled_as_their_authors_sent_them(api: httpx.Client, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "flows", pulled=INNER)
    on(api, "deploy", folder, "--yes", "--name", "pulling")
    into = tmp_path / "into"
    done = on(api, "pull", "--into", into, "--label", "deployed-from:pulling")
    assert (done.returncode, (into / "pulled.yaml").read_text()) == (0, INNER), done.stderr
    assert [file.name for file in into.iterdir()] == ["pulled.yaml"]
    assert "unchanged" in on(api, "pull", "pulled", "--into", into).stdout
    (into / "pulled.yaml").write_text("mine")
    differs = on(api, "pull", "pulled", "--into", into)
    assert (differs.returncode, "--force" in differs.stderr) == (2, True)
    assert (into / "pulled.yaml").read_text() == "mine"
    assert on(api, "pull", "pulled@1", "--into", into, "--force").returncode == 0
    assert (into / "pulled.yaml").read_text() == INNER
    assert on(api, "pull", "none", "--into", into).returncode == 2
