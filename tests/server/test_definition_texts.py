"""An editor sends a text: it gets its diagnostics, what can be drawn, and changes of the text."""

import json
from typing import Any

import httpx

from fakes.runs_api import API
from flowc.server.api.resources.definition_texts import CheckBody
from flowc.server.api.resources.graphs import GraphBody

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


def _check(api: httpx.Client, source: Any, **more: Any) -> Any:
    body = {"source": source, **more} if isinstance(source, str) else source
    answer = api.post(f"{API}/workflows/check", json=body)
    assert answer.status_code == 200, answer.text
    # The answer is written without its model, which describes it to clients.
    assert CheckBody.model_validate_json(answer.text, strict=True, extra="forbid")
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


def test_a_check_says_what_input_the_text_declares(api: httpx.Client) -> None:
    declared = _check(api, "input: {message: string}\nnodes: [{id: a, type: templat}]\n")
    assert declared["input_schema"]["properties"]["message"]["type"] == "string"
    assert _check(api, "nodes: [{id: a, type: fail}]\n")["input_schema"] is None
    assert _check(api, "nodes: [")["input_schema"] is None


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


def test_a_diagnostic_has_its_range_and_a_fix(api: httpx.Client) -> None:
    source = TEXT.replace("type: map", "type: mapp")
    [found] = _check(api, source)["diagnostics"]
    assert _text_at(source, found["range"]) == "mapp"
    [change] = found["fixes"][0]["changes"]
    assert (change["text"], change["range"]) == ("map", found["range"])
    assert _check(api, {"nodes": []})["diagnostics"][0]["range"] is None


def test_the_graph_of_a_stored_workflow_has_the_places_of_its_text(api: httpx.Client) -> None:
    source = TEXT.replace("other", "greet").replace("  # first", "")
    text = "# greets\n" + source.replace(", {source: classify, target: sub, branch: b}", "")
    store = {"content-type": "application/yaml"}
    inner = {"nodes": [{"id": "a", "type": "template", "config": {"template": "x"}}]}
    api.put(f"{API}/workflows/greet", json=inner).raise_for_status()
    api.put(f"{API}/workflows/drawn", content=text, headers=store).raise_for_status()
    graph = api.get(f"{API}/workflows/drawn/graph").json()
    sub = graph["nodes"][2]
    assert _text_at(text, sub["range"]).startswith("{id: sub")
    run = api.post(f"{API}/workflows/drawn/execute", json={"input": {"message": "a"}}).json()
    assert api.get(f"{API}/runs/{run['id']}/graph").json() == graph
    assert GraphBody.model_validate(graph, extra="forbid")
    plain = api.get(f"{API}/workflows/greet/graph").json()
    text = api.get(f"{API}/workflows/greet/source").text
    assert json.loads(_text_at(text, plain["nodes"][0]["range"])) == inner["nodes"][0]


def test_a_node_is_renamed(api: httpx.Client) -> None:
    def ask(**more: Any) -> httpx.Response:
        return api.post(f"{API}/workflows/rename", json={"source": TEXT, **more})

    done = ask(node="each.inner", to="say").json()
    assert done["source"] == TEXT.replace("inner", "say")
    assert [_text_at(TEXT, change["range"]) for change in done["changes"]] == ["inner"]
    taken = ask(node="classify", to="each")
    assert (taken.status_code, taken.json()["error"]["code"]) == (422, "definition-refused")
    assert taken.json()["error"]["details"][0]["code"] == "duplicate-id"
    body = TEXT.replace("{{item}}", "{{classify.output.label}}")
    refused = ask(source=body, node="classify", to="input").json()["error"]
    assert refused["code"] == "rename-refused"
