"""A service registered over the API does the work of a node type, on all processes."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fakes.places import ROOT
from fakes.processes import free_port, new_database, serving, until
from fakes.runs_api import API

PAGE = (ROOT / "nodes" / "docs" / "remote-node-types.md").read_text(encoding="utf-8")
SECRET = "whsec_" + "c2Nv" * 10


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def service(folder: Path, port: int, code: str = "") -> Iterator[None]:
    """Run the page's example, or another service, as a process of its own."""
    (folder / f"service_{port}.py").write_text(code or block("python"), encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", f"service_{port}:app", "--port", str(port)]
    with (folder / f"service_{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={"SCORE_SECRET": SECRET}, stdout=log, stderr=log
        )
    try:
        until(lambda: is_up(port))
        yield
    finally:
        process.terminate()
        process.wait()


def is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def registration(port: int, **other: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(block("json").replace("8200", str(port)))
    return {**body, **other}


def environment(*ports: int) -> dict[str, str]:
    allowed = ",".join(f"127.0.0.1:{port}" for port in ports)
    return {"FLOWC_SECRET_SCORE": SECRET, "FLOWC_EGRESS_ALLOW": allowed}


@pytest.fixture(scope="module")
def scoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, int]]:
    folder, port = tmp_path_factory.mktemp("remote"), free_port()
    with service(folder, port), serving(folder / "d", environment(port)) as (api, _):
        yield api, port


@pytest.mark.parametrize("address", ["/steps/register", f"{API}/steps/register"])
def test_the_example_of_the_page_works_as_written(
    scoring: tuple[httpx.Client, int], address: str
) -> None:
    api, port = scoring
    assert len([line for line in block("python").splitlines() if line]) <= 20
    made = api.post(address, json=registration(port))
    assert (made.status_code, made.json()["health"]) == (201, "ok"), made.text
    assert "score" in {each["type"] for each in api.get(f"{API}/nodes").json()}
    shown = api.get(f"{API}/nodes/score").json()
    assert shown["registered"]["input_schema"]["required"] == ["employees"]
    assert shown["summary"] == "Score a company by its size."
    stored = api.put(
        f"{API}/workflows/rate",
        content=block("yaml"),
        headers={"content-type": "application/yaml"},
    )
    assert stored.status_code in {200, 201}, stored.text
    run = api.post(f"{API}/workflows/rate/execute", json={"input": {"employees": 300}}).json()
    assert run["output"] == {"text": "large: 1.0"}, run
    mistake = yaml.safe_load(block("yaml").replace("output.score", "output.scor"))
    found = api.post(f"{API}/workflows/check", json=mistake).json()["diagnostics"]
    assert ("unknown-field", "Did you mean 'score'?") in {
        (each["code"], each["hint"]) for each in found
    }
    mistake = yaml.safe_load(block("yaml").replace('"{{input.employees}}"', "many"))
    found = api.post(f"{API}/workflows/check", json=mistake).json()["diagnostics"]
    assert [each["code"] for each in found if each["severity"] == "error"] == ["invalid-value"]


def test_a_call_that_is_not_signed_is_refused_by_the_example(
    scoring: tuple[httpx.Client, int],
) -> None:
    _, port = scoring
    body = {"arguments": {"employees": 1}}
    assert httpx.post(f"http://127.0.0.1:{port}/score", json=body).status_code == 401


def test_a_name_a_schema_a_secret_and_an_address_are_checked(
    scoring: tuple[httpx.Client, int],
) -> None:
    api, port = scoring
    for other, status, code in (
        ({"name": "llm"}, 409, "node-type-exists"),
        ({"name": "Score!"}, 422, "invalid-request"),
        ({"input_schema": {"employees": "integr"}}, 422, "invalid-request"),
        ({"secret": "none"}, 422, "secret-missing"),
        ({"url": "http://169.254.169.254/x"}, 422, "egress-denied"),
        ({"class_path": "a.b.C"}, 422, "invalid-request"),
    ):
        answer = api.post(f"{API}/nodes/register", json=registration(port, **other))
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), other
    ill = api.post(
        f"{API}/nodes/register",
        json=registration(port, name="ill", health_url=f"http://127.0.0.1:{port}/none"),
    )
    assert ill.json()["health"] == "The service answered 404."
    assert api.delete(f"{API}/nodes/ill").status_code == 204
    assert api.delete(f"{API}/nodes/llm").status_code == 404


def test_a_value_that_does_not_fit_fails_the_node(
    scoring: tuple[httpx.Client, int],
) -> None:
    api, port = scoring
    api.post(f"{API}/nodes/register", json=registration(port)).raise_for_status()
    wrong = {"score": "string"}
    api.post(
        f"{API}/nodes/register", json=registration(port, name="words", output_schema=wrong)
    ).raise_for_status()
    for type, given, code in (
        ("score", "many", "invalid-configuration"),
        ("words", 3, "answer-does-not-fit"),
    ):
        config = {"arguments": {"employees": "{{input.employees}}"}}
        definition = {"nodes": [{"id": "a", "type": type, "config": config}]}
        run = api.post(
            f"{API}/workflows/execute",
            json={"definition": definition, "input": {"employees": given}},
        ).json()
        assert (run["status"], run["error"]["code"]) == ("failed", code), run


def test_all_processes_follow_a_registration(postgres: str, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    other = block("python").replace('"score": min(employees / 100, 1.0)', '"score": 7.0')
    env = {**environment(*ports), **new_database(postgres)}
    with (
        service(tmp_path, ports[0]),
        service(tmp_path, ports[1], other),
        serving(tmp_path / "first", env) as (first, _),
        serving(tmp_path / "second", env) as (second, _),
    ):
        follow_registrations(first, second, ports)


def follow_registrations(first: httpx.Client, second: httpx.Client, ports: list[int]) -> None:
    first.post(f"{API}/nodes/register", json=registration(ports[0])).raise_for_status()
    headers = {"content-type": "application/yaml"}
    second.put(f"{API}/workflows/rate", content=block("yaml"), headers=headers).raise_for_status()
    body = {"input": {"employees": 50}}

    def outputs() -> set[str]:
        answers = [
            each.post(f"{API}/workflows/rate/execute", json=body).json()
            for each in (first, second) * 2
        ]
        return {str(answer["output"]) for answer in answers}

    assert outputs() == {"{'text': 'small: 0.5'}"}
    second.post(f"{API}/nodes/register", json=registration(ports[1])).raise_for_status()
    assert outputs() == {"{'text': 'small: 7.0'}"}
    first.delete(f"{API}/nodes/score").raise_for_status()
    for each in (first, second):
        refused = each.post(f"{API}/workflows/rate/execute", json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            422,
            "definition-refused",
        ), refused.text
