"""Bodies of requests: unknown fields are refused with what is meant, and YAML is taken."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fakes.processes import serving
from flowc.compiler.reading.large_values import LARGE_TEXT
from flowc.server.api.strict_requests import StrictRequest

HELLO = {
    "name": "Hello",
    "input": {"n": "string"},
    "nodes": [{"id": "a", "type": "template", "config": {"template": "Hi {{input.n}}"}}],
}
YAML = """\
id: from_yaml
definition:
  input: {n: string}
  nodes:
    - id: a
      type: template
      config: {template: "Hi {{input.n}}"}   # a comment
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("data")) as (client, _):
        client.post("/api/v1/workflows", json={"id": "hello", "definition": HELLO})
        yield client


def number_of_runs(api: httpx.Client) -> int:
    total: int = api.get("/api/v1/runs").json()["total"]
    return total


EXECUTE, CHAT = "workflows/hello/execute", "workflows/hello/chat"
MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    (EXECUTE, {"inputs": {"n": "x"}}, "There is no field 'inputs'. Did you mean 'input'?"),
    (EXECUTE, {"n": "x"}, "There is no field 'n'. Did you mean {\"input\": {\"n\": …}}?"),
    (EXECUTE, {"input": {"n": "x"}, "wiat": False}, "There is no field 'wiat'. Did you mean 'wait'?"),
    (EXECUTE, {"input": {"n": "x"}, "version": 1}, "?version=3"),
    (EXECUTE, {"input": {"n": "x"}, "async": True}, "Did you mean 'wait'?"),
    (EXECUTE, {"input": {"n": "x"}, "zzz": 1}, "There is no field 'zzz'. Fields: input, input_data, "),
    ("workflows/execute", {"definition": HELLO, "inputs": {}}, "Did you mean 'input'?"),
    ("workflows", {"definition": HELLO, "ids": "x"}, "There is no field 'ids'. Did you mean 'id'?"),
    (CHAT, {"message": "x", "n": "y"}, "Did you mean {\"input\": {\"n\": …}}?"),
    (CHAT, {"mesage": "x"}, "There is no field 'mesage'. Did you mean 'message'?"),
    ("signals", {"nam": "x"}, "There is no field 'nam'. Did you mean 'name'?"),
    ("threads", {"workflow": "hello"}, "There is no field 'workflow'. Did you mean 'workflow_id'?"),
    ("schedules", {"id": "s", "workflow_id": "hello", "crn": "* * * * *"}, "Did you mean 'cron'?"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "says"), MISTAKES)
def test_an_unknown_field_is_refused_with_the_one_that_is_meant(
    api: httpx.Client, path: str, body: dict[str, Any], says: str
) -> None:
    before = number_of_runs(api)
    response = api.post(f"/api/v1/{path}", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "invalid-request")
    assert says in error["message"]
    assert error["message"] in [detail["message"] for detail in error["details"]]
    assert number_of_runs(api) == before


def test_an_id_that_is_not_valid_is_refused_as_that(api: httpx.Client) -> None:
    response = api.post("/api/v1/workflows", json={"id": "a b", "definition": HELLO})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "invalid-request")
    assert error["details"][0]["at"] == ["body", "id"]


BODY = json.dumps({"input": {"n": "x"}})


@pytest.mark.parametrize("given", [None, "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("path", [f"/api/v1/{EXECUTE}", "/v1/chat/completions"])
def test_a_body_without_the_content_type_of_json_is_refused_as_that(
    api: httpx.Client, path: str, given: str | None
) -> None:
    headers = {} if given is None else {"content-type": given}
    response = api.post(path, content=BODY, headers=headers)
    assert response.status_code == 415
    message = response.json()["error"]["message"]
    assert (repr(given) if given else "no content type") in message
    assert "application/json" in message


def test_a_request_without_a_body_needs_no_content_type(api: httpx.Client) -> None:
    response = api.post("/api/v1/threads")
    assert response.status_code == 201


@pytest.mark.parametrize(
    "kind", ["application/yaml", "text/yaml; charset=utf-8", "application/x-yaml"]
)
def test_yaml_bodies_are_taken(api: httpx.Client, kind: str) -> None:
    headers = {"content-type": kind}
    api.delete("/api/v1/workflows/from_yaml")
    created = api.post("/api/v1/workflows", content=YAML, headers=headers)
    assert created.status_code == 201, created.text
    run = api.post(
        "/api/v1/workflows/from_yaml/execute", content="input:\n  n: yes\n", headers=headers
    )
    assert run.json()["output"] == {"text": "Hi yes"}


MISTAKEN = """\
# The lines are those of this text.
name: Mistaken
nodes:
  - id: a
    type: template
    retry: {max_attempts: 0}
    config: {template: "Hi {{input.n}}"}
    retries: 3
"""
LINES = {"invalid-value": (6, 27), "unknown-key": (8, 5)}


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("method", "path", "content", "lines_before", "indent"),
    [
        ("POST", "workflows", MISTAKEN, 0, 0),
        ("POST", "workflows", f"id: mistaken\ndefinition:\n{indented(MISTAKEN)}", 2, 2),
        ("PUT", "workflows/hello", MISTAKEN, 0, 0),
        ("PUT", "workflows/hello", f"definition:\n{indented(MISTAKEN)}", 1, 2),
        ("POST", "workflows/execute", f"input: {{}}\ndefinition:\n{indented(MISTAKEN)}", 2, 2),
    ],
)
def test_mistakes_in_yaml_have_the_lines_of_the_body(
    api: httpx.Client, method: str, path: str, content: str, lines_before: int, indent: int
) -> None:
    headers = {"content-type": "application/yaml"}
    refused = api.request(method, f"/api/v1/{path}", content=content, headers=headers)
    assert refused.status_code == 422, refused.text
    found = refused.json()["error"]["details"]
    places = {each["code"]: (each["line"], each["column"]) for each in found}
    wanted = {
        code: (line + lines_before, column + indent) for code, (line, column) in LINES.items()
    }
    assert {code: places.get(code) for code in wanted} == wanted
    assert {each["file"] for each in found} == {None}


def test_mistakes_in_json_have_pointers_alone(api: httpx.Client) -> None:
    nodes = [{"id": "a", "type": "templat", "config": {}}]
    refused = api.post("/api/v1/workflows", json={"nodes": nodes})
    [found] = refused.json()["error"]["details"]
    assert (found["pointer"], found["line"]) == ("/nodes/0/type", None)


RUN = """\
input: {user: {name: Ada}}
definition:
  nodes:
    - id: a
      type: template
      config:
        template: |
          Dear customer,
          your order {{input.user.order}} is here.
"""


def test_a_failed_run_of_yaml_has_the_line_of_the_reference(api: httpx.Client) -> None:
    headers = {"content-type": "application/yaml"}
    run = api.post("/api/v1/workflows/execute", content=RUN, headers=headers).json()
    assert run["error"]["reference"] == "input.user.order"
    at = run["error"]["at"]
    assert (at["line"], at["column"]) == (9, RUN.splitlines()[8].index("input.user") + 1)
    assert api.get(f"/api/v1/runs/{run['id']}").json()["error"] == run["error"]


def test_a_yaml_body_can_be_the_definition_alone(api: httpx.Client) -> None:
    text = "name: Alone\nnodes:\n  - {id: a, type: template, config: {template: Hi}}\n"
    headers = {"content-type": "application/yaml"}
    created = api.post("/api/v1/workflows", content=text, headers=headers)
    assert (created.status_code, created.json()["name"]) == (201, "Alone")


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("input: {n: [}", "invalid-yaml", "line 1, column"),
        ("input: {n: 1}\ninput: {}", "duplicate-key", "line 2, column 1"),
        ("input: {n: .nan}", "not-a-json-value", "line 1, column 12"),
        ("hello", "invalid-json", "must be an object"),
        ("input: !!python/name:os.system", "invalid-yaml", "The tag"),
    ],
)
def test_a_yaml_body_is_as_strict_as_one_of_json(
    api: httpx.Client, content: str, code: str, says: str
) -> None:
    headers = {"content-type": "application/yaml"}
    response = api.post(f"/api/v1/{EXECUTE}", content=content, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, code)
    assert says in error["message"]


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
async def test_a_large_body_is_read_while_other_tasks_continue(is_large: bool) -> None:
    body = json.dumps({"input": {"x": [1] * (LARGE_TEXT if is_large else 1)}}).encode()

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    request = StrictRequest({"type": "http", "headers": []}, receive)
    other = asyncio.create_task(asyncio.sleep(0))
    assert await request.json() == json.loads(body)
    # A task that was waiting had its turn only where the reading gave it one.
    assert other.done() is is_large
    await other
