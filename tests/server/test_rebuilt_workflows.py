"""Workflows of other tools, rebuilt by hand: each is valid, and its cases pass."""

import json
from pathlib import Path

import pytest

from fakes.command import flowc_here
from fakes.flows import registry
from fakes.places import ROOT
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import read_file

FOLDER = ROOT / "notebooks" / "workflows"
REBUILT = sorted(path.with_suffix("").with_suffix(".yaml") for path in FOLDER.glob("*.test.yaml"))


def test_there_is_one_of_each_tool() -> None:
    tools = {path.name.partition("_")[0] for path in REBUILT if "_" in path.name}
    assert tools == {"cncf", "dify", "flowise", "kestra", "n8n", "step"}


@pytest.mark.parametrize("path", REBUILT, ids=lambda path: path.stem)
def test_it_has_neither_errors_nor_warnings(path: Path) -> None:
    found = check_workflow(read_file(path), registry())
    assert [each.message for each in found if each.severity != "info"] == []


def test_its_cases_pass() -> None:
    done = flowc_here("test", FOLDER, "--json")
    report = json.loads(done.stdout)
    failed = [case for case in report["cases"] if case["problems"]]
    assert done.returncode == 0, failed
    assert len(report["cases"]) >= 17
