"""An editor sends a text: it gets its diagnostics, what can be drawn, and changes of the text."""

import json
from typing import Any

import httpx

from fakes.runs_api import API

TEXT = """\
input: {message: string}
nodes:
  - id: classify  # first
    type: classify
    config: {text: "{{input.message}}", labels: [a, b]}
  - id: each
    type: map
    config:
      items: [1]
      body:
        nodes:
          - {id: inner, type: template, config: {template: "{{item}}"}}
  - {id: sub, type: subworkflow, config: {workflow: other}}
edges:
  - {source: classify, target: each, branch: a}
  - {source: classify, target: sub, branch: b}
"""


def _check(api: httpx.Client, source: str, **more: Any) -> Any:
    answer = api.post(f"{API}/workflows/check", json={"source": source, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _text_at(source: str, range: Any) -> str:
    """Return the part of a text that a range is."""
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range_of_lines(lines)]
    start, end = (
        starts[range[end]["line"] - 1] + range[end]["column"] - 1 for end in ("start", "end")
    )
    return source[start:end]


def range_of_lines(lines: list[str]) -> range:
    """Return the numbers of lines, and one more."""
    return range(len(lines) + 1)


def test_the_graph_has_the_places_of_its_parts(api: httpx.Client) -> None:
    graph = _check(api, TEXT)["graph"]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert _text_at(TEXT, nodes["classify"]["range"]).endswith("labels: [a, b]}")
    assert [branch["target"] for branch in nodes["classify"]["branches"]] == ["each", "sub"]
    assert (nodes["sub"]["workflow"], nodes["each"]["body_pointer"]) == (
        "other",
        "/nodes/1/config/body",
    )
    [inner] = nodes["each"]["body"]["nodes"]
    assert (inner["path"], inner["group"], inner["detail"]) == ("each.inner", "data", "{{item}}")
    assert _text_at(TEXT, inner["range"]).startswith("{id: inner")
    edge = graph["edges"][0]
    assert _text_at(TEXT, edge["range"]) == "{source: classify, target: each, branch: a}"


def test_a_text_with_mistakes_in_its_form_is_drawn(api: httpx.Client) -> None:
    found = _check(api, TEXT.replace("type: map", "typ: map").replace("target: sub, ", ""))
    assert not found["is_valid"]
    assert [node["id"] for node in found["graph"]["nodes"]] == ["classify", "each", "sub"]
    assert [edge["target"] for edge in found["graph"]["edges"]] == ["each"]
    for source in ("", "nodes: [", "- 1\n- x: y", "42", "name: x", '{"nodes": ['):
        assert _check(api, source)["is_valid"] is False
    assert _check(api, "nodes: [", format="json")["diagnostics"][0]["code"] == "invalid-json"
    assert _check(api, '{"nodes": [', format="json")["diagnostics"][0]["code"] == "invalid-json"


def test_the_names_of_one_node_are_answered(api: httpx.Client) -> None:
    found = _check(api, TEXT, names_at="each.inner")
    names = {each["name"]: each["type"] for each in found["names"]}
    assert names["input.message"] == "string"
    assert {"item", "index", "classify.output.label", "run.id"} <= names.keys()
    assert "sub.output" not in names
    assert _check(api, TEXT, names_at="none")["names"] is None
    assert _check(api, TEXT)["names"] is None


def test_a_valid_text_has_a_plan(api: httpx.Client) -> None:
    config = {"url": "https://example.com/a", "headers": {"key": "{{secrets.key}}"}}
    source = json.dumps({"nodes": [{"id": "a", "type": "http", "config": config}]})
    plan = _check(api, source)["plan"]
    assert (plan["hosts"], plan["secrets"]) == (["example.com"], ["key"])
    assert _check(api, TEXT)["plan"] is None


def test_slips_in_the_request_are_refused(api: httpx.Client) -> None:
    for body in ({"source": "", "fromat": "yaml"}, {"source": "", "format": "toml"}):
        answer = api.post(f"{API}/workflows/check", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid-request")
