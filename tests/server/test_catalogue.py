"""Authors find the node types, their schemas and their mistakes over HTTP."""

import httpx

from fakes.runs_api import API
from flowc.compiler.node.registry import Registry
from flowc.compiler.reports.explanations import explanations


def test_all_node_types_are_listed_with_their_schemas(api: httpx.Client) -> None:
    listed = {each["type"]: each for each in api.get(f"{API}/nodes").json()}
    assert list(listed) == [each.type for each in Registry.installed()]
    for type, each in listed.items():
        assert each["summary"].endswith("."), each
        for word in (type, *each["also"]):
            found = api.get(f"{API}/nodes/{word}").json()
            assert {name: found[name] for name in each} == each
            assert found["config_schema"]["type"] == "object"
    assert "prompt" in api.get(f"{API}/nodes/llm").json()["config_schema"]["properties"]
    unknown = api.get(f"{API}/nodes/templat").json()["error"]
    assert (unknown["code"], "'template'" in unknown["message"]) == ("no-such-node-type", True)


def test_a_node_is_run_once(api: httpx.Client) -> None:
    body = {"config": {"template": "Hi {{input.name}}"}, "input": {"name": "Ada"}}
    done = api.post(f"{API}/nodes/template/test", json=body).json()
    assert (done["status"], done["output"]) == ("completed", {"text": "Hi Ada"})
    assert api.get(f"{API}/runs/{done['run_id']}").json()["status"] == "completed"
    failed = api.post(f"{API}/nodes/fail/test", json={"config": {"message": "No."}}).json()
    assert (failed["status"], failed["error"]["message"]) == ("failed", "No.")
    refused = api.post(f"{API}/nodes/template/test", json={"config": {"templat": "x"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "definition-refused")
    assert api.post(f"{API}/nodes/none/test", json={}).status_code == 404


def test_a_definition_is_checked_and_not_stored(api: httpx.Client) -> None:
    total = api.get(f"{API}/workflows").json()["total"]
    good = {"nodes": [{"id": "a", "type": "template", "config": {"template": "x"}}]}
    for body in (good, {"definition": good}):
        found = api.post(f"{API}/workflows/check", json=body).json()
        assert (found["is_valid"], found["diagnostics"]) == (True, [])
    text = "nodes:\n  - id: a\n    type: template\n    config: {template: '{{b.output}}'}\n"
    headers = {"content-type": "application/yaml"}
    found = api.post(f"{API}/workflows/check", content=text, headers=headers).json()
    assert not found["is_valid"]
    [first] = found["diagnostics"]
    assert (first["code"], first["line"], first["pointer"]) == (
        "unknown-reference",
        4,
        "/nodes/0/config/template",
    )
    assert api.post(f"{API}/workflows/check", json={}).json()["is_valid"] is False
    slip = api.post(f"{API}/workflows/check", json={"definition": good, "versoin": 1})
    assert (slip.status_code, slip.json()["error"]["code"]) == (422, "invalid-request")
    assert api.get(f"{API}/workflows").json()["total"] == total


def test_the_language_is_described(api: httpx.Client) -> None:
    schema = api.get(f"{API}/schema").json()
    assert "NodeDefinition" in schema["$defs"]
    for code in explanations():
        assert api.get(f"{API}/diagnostics/{code}").json()["why"]
    unknown = api.get(f"{API}/diagnostics/unknown-referense").json()["error"]
    assert (unknown["code"], "unknown-reference" in unknown["message"]) == (
        "no-such-diagnostic",
        True,
    )
