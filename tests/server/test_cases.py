"""`flowc test`: cases with inputs, mocks and recorded answers, and the results they expect."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest

from fakes.command import flowc_here
from fakes.loopback import Reply, Request, calls, completion, serving
from fakes.models import WEATHER
from fakes.places import MODELS

HERE = Path(__file__).parent


def run_cases(*arguments: str | Path, models: Path = MODELS) -> Any:
    return flowc_here("test", *arguments, FLOWC_MODELS_FILE=str(models))


def test_the_cases_in_this_repository_pass(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    done = run_cases(str(HERE / "workflows"), "--junit", str(junit), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] and len(report["cases"]) == 7
    # The cases wait for days, on their own clock.
    assert sum(case["seconds"] for case in report["cases"]) < 60
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
        ({"expect": {"status": "failed"}}, ["status: expected failed, got completed."]),
        ({"expect": {"error": "x"}}, ["status: expected failed, got completed."]),
        ({"mocks": {"say": {"error": {"code": "y"}}}, "expect": {"error": "x"}},
         ["error: expected x, got y."]),
        ({"mocks": {"nobody": {}}, "expect": {}}, ["mocks: there is no node 'nobody'."]),
        ({"input": {"x": 1}, "expect": {}}, ["x: 1 is not of type 'string'"]),
    ],
)  # fmt: skip
def test_a_case_shows_how_its_result_differs_from_the_expected_one(
    tmp_path: Path, case: Any, shown: list[str]
) -> None:
    done = run_cases(str(write(tmp_path, [{"name": "c", "input": {"x": "a"}, **case}])))
    assert done.returncode == 1
    for part in (*shown, "0 passed, 1 failed"):
        assert part in done.stderr


def test_a_mistake_in_a_case_file_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "w.test.yaml"
    file.write_text(
        "workflow: {nodes: [{id: a, type: start}]}\ncases:\n  - name: x\n    expects: {}\n"
    )
    done = run_cases(str(tmp_path))
    assert done.returncode == 2
    assert "w.test.yaml:4:5" in done.stderr
    assert "expect" in done.stderr
    assert run_cases(str(tmp_path / "none")).returncode == 2


def test_recorded_answers_of_models_are_found_by_the_request(tmp_path: Path) -> None:
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
        models = tmp_path / "models.json"
        models.write_text(json.dumps({"m": alias}))
        assert run_cases(str(file), models=models).returncode == 1
        assert server.requests == []
        recording = run_cases(str(file), "--record", models=models)
        assert recording.returncode == 0, recording.stderr
        assert len(server.requests) == 2
    recorded = tmp_path / "some.recorded.json"
    assert "sk-x" not in recorded.read_text()
    assert run_cases(str(file), models=models).returncode == 0
    write(tmp_path, [{**case, "input": {"question": "Oslo?"}}], workflow)
    changed = run_cases(str(file), models=models)
    assert changed.returncode == 1
    assert '-   "content": "Rome?",' in changed.stderr
    assert '+   "content": "Oslo?",' in changed.stderr
