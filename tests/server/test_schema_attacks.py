"""Over HTTP, no schema and no value holds up the server, wherever a schema is."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fakes.processes import serving, until
from fakes.runs_api import API, asked, ended
from fakes.schema_attacks import ATTACKS, COSTLY, FITS, MISFIT, SchemaAttack

STATUS_AND_CODE = {FITS: (200, None), MISFIT: (422, "input-refused"), COSTLY: (422, COSTLY)}
BEGIN = {"id": "begin", "type": "start"}
# It takes all its steps, and says nothing about that when it is defined.
SLOW = {"anyOf": [*({"const": n} for n in range(1_000)), {"const": -1}]}
SLOW_ITEMS = {"type": "object", "properties": {"x": {"type": "array", "items": SLOW}}}
LONG: dict[str, Any] = {"x": [-1] * 2_000}
NODES = {"nodes": [BEGIN]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("data")) as (client, _):
        yield client


def execute(api: httpx.Client, definition: Any, given: Any = None, **more: Any) -> httpx.Response:
    body = {"definition": definition, "input": given or {}, **more}
    return api.post(f"{API}/workflows/execute", json=body)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_is_answered(api: httpx.Client, attack: SchemaAttack) -> None:
    response = execute(api, {**NODES, "input": attack.input}, {"x": attack.value})
    if attack.outcome in STATUS_AND_CODE:
        status, code = STATUS_AND_CODE[attack.outcome]
        found = response.json().get("error")
        assert (response.status_code, found["code"] if found else None) == (status, code)
        return
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "definition-refused")
    assert [each["code"] for each in error["details"]] == [attack.outcome]
    # It cannot be published either.
    published = api.post(f"{API}/workflows", json={"definition": {**NODES, "input": attack.input}})
    assert (published.status_code, published.json()["error"]["code"]) == (422, "definition-refused")


def test_the_server_is_healthy_while_a_hostile_value_is_checked(api: httpx.Client) -> None:
    answers: list[httpx.Response] = []

    def attack() -> None:
        answers.append(execute(api, {**NODES, "input": SLOW_ITEMS}, LONG))

    threads = [threading.Thread(target=attack) for _ in range(3)]
    for thread in threads:
        thread.start()
    healthy = 0
    while len(answers) < len(threads):
        assert api.get("/health").json()["status"] == "ok"
        healthy += not answers
    for thread in threads:
        thread.join()
    assert {answer.json()["error"]["code"] for answer in answers} == {COSTLY}
    # Several times before the first of them was judged: nothing waited for it.
    assert healthy > 3


def test_an_output_that_takes_too_long_fails_its_run_once(api: httpx.Client) -> None:
    config = {"data": None, "expression": "input.x"}
    nodes = [{"id": "same", "type": "transform", "config": config}]
    output = {"type": "array", "items": SLOW}
    run = execute(api, {"nodes": nodes, "output": output}, LONG).json()
    assert (run["status"], run["error"]["code"]) == ("failed", COSTLY)


@pytest.mark.parametrize("place", ["input", "output"])
def test_a_called_workflow_that_takes_too_long_to_check_fails_its_node(
    api: httpx.Client, place: str
) -> None:
    config = {"data": None, "expression": "input.x"}
    inner = {"nodes": [{"id": "same", "type": "transform", "config": config}]}
    schema = SLOW_ITEMS if place == "input" else SLOW_ITEMS["properties"]["x"]
    body = {"id": f"slow-{place}", "definition": {**inner, place: schema}}
    api.post(f"{API}/workflows", json=body).raise_for_status()
    call = {"workflow": f"slow-{place}", "input": {"x": "{{input.x}}"}}
    outer = {"nodes": [{"id": "call", "type": "subworkflow", "config": call}]}
    run = execute(api, outer, LONG).json()
    assert (run["status"], run["error"]["code"]) == ("failed", COSTLY)


def test_a_form_takes_no_answer_that_it_cannot_check_and_then_another(api: httpx.Client) -> None:
    nodes = [{"id": "ask", "type": "human", "config": {"form": SLOW_ITEMS}}]
    run = execute(api, {"nodes": nodes}).json()
    [question] = asked(api, run["run_id"])
    path = f"{API}/interrupts/{question['id']}/answer"
    refused = api.post(path, json={"answer": LONG})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, COSTLY)
    assert api.post(path, json={"answer": {"x": [1]}}).status_code == 200
    assert ended(api, run["run_id"])["output"]["x"] == [1]


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"type": "string", "pattern": "(?=a)b"}, "unsupported-pattern"),
        ({"$ref": "http://127.0.0.1/a"}, "unresolved-reference"),
        ({"anyOf": [{"$ref": "#/properties/x"}]}, "endless-schema"),
    ],
)
@pytest.mark.parametrize("field", ["form", "output_schema", "parameters"])
def test_what_is_wrong_with_a_schema_is_reported_wherever_it_is(
    api: httpx.Client, field: str, schema: Any, code: str
) -> None:
    whole = {"type": "object", "properties": {"x": schema}}
    said = {"template": "{{arguments.x}}"}
    tool = {"id": "t", "type": "template", "parameters": whole, "config": said}
    node = {
        "form": {"type": "human", "config": {"form": whole}},
        "output_schema": {"type": "llm", "config": {"prompt": "Hi", "output_schema": whole}},
        "parameters": {"type": "agent", "config": {"prompt": "Hi", "tools": [tool]}},
    }[field]
    error = execute(api, {"nodes": [{"id": "n", **node}]}).json()["error"]
    assert [each["code"] for each in error["details"]] == [code]


def operation(schema: Any, **arguments: Any) -> dict[str, Any]:
    given = [{"name": "x", "in": "query", "schema": schema}]
    paths = {"/": {"get": {"operationId": "op", "parameters": given}}}
    servers = [{"url": "https://api.example.com"}]
    document = {"openapi": "3.1.0", "servers": servers, "paths": paths}
    config = {"document": document, "operation": "op", "arguments": arguments}
    return {"nodes": [{"id": "call", "type": "connector", "config": config}]}


def test_a_pattern_of_an_operation_is_refused_where_the_operation_is_named(
    api: httpx.Client,
) -> None:
    error = execute(api, operation({"type": "string", "pattern": "(?=a)b"})).json()["error"]
    found = [(each["code"], each["pointer"]) for each in error["details"]]
    assert found == [("unsupported-pattern", "/nodes/0/config/operation")]


def test_arguments_of_an_operation_that_take_too_long_fail_their_node(api: httpx.Client) -> None:
    definition = operation(SLOW_ITEMS["properties"]["x"], x="{{input.x}}")
    run = execute(api, definition, LONG).json()
    assert (run["status"], run["error"]["code"]) == ("failed", COSTLY)


def test_a_stored_run_that_cannot_be_checked_does_not_hold_up_the_next_start(tmp_path: Any) -> None:
    config = {"data": None, "expression": "input.x"}
    nodes = [{"id": "same", "type": "transform", "config": config}]
    output = {"type": "array", "items": SLOW}
    body = {"definition": {"nodes": nodes, "output": output}, "input": LONG, "wait": False}
    with serving(tmp_path / "d") as (api, process):
        id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
        process.kill()
        process.wait()
    with serving(tmp_path / "d") as (api, _):
        until(lambda: api.get("/health").json()["status"] == "ok")
        failed = ended(api, id)
        assert (failed["status"], failed["error"]["code"]) == ("failed", COSTLY)
