"""Workflows are tested by cases: what goes in, what is made up, what has to come out."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest
from loopback import Reply, Request, calls, completion, serving
from test_agent import WEATHER

HERE = Path(__file__).parent
MODELS = HERE.parent / "notebooks" / "workflows" / "models.yaml"


def flowc(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    from os import environ

    command = [sys.executable, "-m", "flowc.server", "test", *arguments]
    own = {**environ, "FLOWC_MODELS_FILE": str(MODELS), **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=own)


def test_our_own_cases_pass(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    done = flowc(str(HERE / "workflows"), "--junit", str(junit), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] and len(said["cases"]) == 7
    # Days are waited for in no time.
    assert sum(case["seconds"] for case in said["cases"]) < 60
    suites = XML.parse(junit).getroot()
    assert [(s.get("tests"), s.get("failures")) for s in suites] == [("4", "0"), ("3", "0")]


def write(folder: Path, cases: list[Any], workflow: Any = None) -> Path:
    echo = {"id": "say", "type": "template", "config": {"template": "{{input.x}}"}}
    file = folder / "some.test.json"
    workflow = workflow or {"input": {"x": "string"}, "nodes": [{"id": "a", "type": "start"}, {**echo, "depends_on": ["a"]}]}  # fmt: skip
    file.write_text(json.dumps({"workflow": workflow, "cases": cases}))
    return file


@pytest.mark.parametrize(
    ("case", "shown"),
    [
        ({"expect": {"output": {"text": "b"}}}, ['-  "text": "b"', '+  "text": "a"']),
        ({"expect": {"output_contains": {"text": "b"}}}, ['-  "text": "b"', '+  "text": "a"']),
        ({"expect": {"path": ["say", "a"]}}, ["path:", '-  "say",']),
        ({"expect": {"status": "failed"}}, ["failed was expected; it is completed."]),
        ({"expect": {"error": "x"}}, ["failed was expected; it is completed."]),
        ({"mocks": {"say": {"error": {"code": "y"}}}, "expect": {"error": "x"}},
         ["error: x was expected; it is y."]),
        ({"mocks": {"nobody": {}}, "expect": {}}, ["mocks: there is no node 'nobody'."]),
        ({"input": {"x": 1}, "expect": {}}, ["x: 1 is not of type 'string'"]),
    ],
)  # fmt: skip
def test_what_differs_is_shown(tmp_path: Path, case: Any, shown: list[str]) -> None:
    done = flowc(str(write(tmp_path, [{"name": "c", "input": {"x": "a"}, **case}])))
    assert done.returncode == 1
    for part in (*shown, "0 passed, 1 failed"):
        assert part in done.stderr


def test_a_file_that_is_wrong_is_placed(tmp_path: Path) -> None:
    file = tmp_path / "w.test.yaml"
    file.write_text(
        "workflow: {nodes: [{id: a, type: start}]}\ncases:\n  - name: x\n    expects: {}\n"
    )
    done = flowc(str(tmp_path))
    assert done.returncode == 2
    assert "w.test.yaml:4:5" in done.stderr
    assert "expect" in done.stderr
    assert flowc(str(tmp_path / "none")).returncode == 2


def test_answers_of_models_are_recorded_by_what_was_asked(tmp_path: Path) -> None:
    answers = [calls(("get_weather", {"city": "Rome"})), completion("Sunny.")]

    def answer(request: Request) -> Reply:
        return answers[len(server.requests) - 1]

    config = {"model": "m", "prompt": "{{input.question}}", "tools": [WEATHER]}
    workflow = {"nodes": [{"id": "helper", "type": "agent", "config": config}]}
    expect = {"output_contains": {"text": "Sunny.", "turns": 2}, "path": ["helper"]}
    case: dict[str, Any] = {"name": "c", "input": {"question": "Rome?"}, "expect": expect}
    file = write(tmp_path, [case], workflow)
    with serving(answer) as server:
        alias = {"model": "openai/gpt-4", "api_base": f"{server.url}/v1", "api_key": "sk-x"}
        (tmp_path / "models.json").write_text(json.dumps({"m": alias}))
        env = {"FLOWC_MODELS_FILE": str(tmp_path / "models.json")}
        assert flowc(str(file), env=env).returncode == 1
        assert server.requests == []
        recording = flowc(str(file), "--record", env=env)
        assert recording.returncode == 0, recording.stderr
        assert len(server.requests) == 2
    recorded = tmp_path / "some.recorded.json"
    assert "sk-x" not in recorded.read_text()
    assert flowc(str(file), env=env).returncode == 0
    write(tmp_path, [{**case, "input": {"question": "Oslo?"}}], workflow)
    changed = flowc(str(file), env=env)
    assert changed.returncode == 1
    assert '-   "content": "Rome?",' in changed.stderr
    assert '+   "content": "Oslo?",' in changed.stderr
