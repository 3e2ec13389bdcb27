"""What an author's tools ask for: expressions, models, graphs and definitions of runs, sizes."""

from pathlib import Path
from typing import Any

import httpx

from fakes.processes import until
from fakes.runs_api import API, begin, ended, pause, run_of
from fakes.served import serving

SAY = {"id": "say", "type": "template", "config": {"template": "Hi {{input.name}}"}}


def evaluate(api: httpx.Client, expression: str, **more: Any) -> dict[str, Any]:
    answer = api.post(f"{API}/eval", json={"expression": expression, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_expressions_are_evaluated_with_values(api: httpx.Client) -> None:
    context = {"input": {"names": ["Ada", "Grace"], "n": 3}}
    assert evaluate(api, "{{input.names | join(', ')}}!", context=context)["value"] == "Ada, Grace!"
    assert evaluate(api, "{{input.n}}", context=context)["value"] == 3
    assert evaluate(api, "input.n > 2", context=context, is_condition=True)["value"] is True
    failed = evaluate(api, "{{input.nmaes}}", context=context)
    assert (failed["value"], failed["hint"]) == (None, "Did you mean 'names'?")
    assert "nmaes" in failed["problem"]
    assert "problem" in evaluate(api, "{{input.")
    both = {"expression": "x", "context": {}, "run_id": "r"}
    assert api.post(f"{API}/eval", json=both).status_code == 422
    assert api.post(f"{API}/eval", json={"expression": "x", "at": 3}).status_code == 422


def test_expressions_read_the_state_of_a_run_at_an_event(api: httpx.Client) -> None:
    body = {"nodes": [{"id": "x", "type": "template", "config": {"template": "{{item}}!"}}]}
    each = {"id": "each", "type": "map", "config": {"items": ["p", "q"], "body": body}}
    each["depends_on"] = ["say"]
    run = begin(api, [SAY, each], input={"name": "Ada"})
    given = {"run_id": run["id"]}
    assert evaluate(api, "{{say.output.text}} {{input.name}}", **given)["value"] == "Hi Ada Ada"
    assert evaluate(api, "{{run.id}}", **given)["value"] == run["id"]
    early = evaluate(api, "{{say.output.text}}", **given, at=1)
    assert early["value"] is None
    scopes = api.get(f"{API}/runs/{run['id']}/state").json()["scopes"]
    path = min(scopes)
    assert evaluate(api, "{{x.output.text}}", **given, scope=path)["value"] == "p!"
    missing = api.post(f"{API}/eval", json={"expression": "x", "run_id": "none"})
    assert missing.status_code == 404


def test_the_models_of_the_operators_file_are_listed_without_their_keys(
    api: httpx.Client,
) -> None:
    found = {each["name"]: each for each in api.get(f"{API}/models").json()}
    default = found["offline/echo"]
    assert (default["is_default"], default["is_ready"], default["input_price"]) == (True, True, 0)
    assert not [each for each in found.values() if "key" in each or "api_base" in each]
    for each in found.values():
        assert each["is_ready"] == (each["problem"] is None)


def test_a_run_has_the_graph_and_the_definition_that_it_began_with(api: httpx.Client) -> None:
    definition = {"nodes": [SAY, pause("after", "say")]}
    api.put(f"{API}/workflows/changing", json=definition).raise_for_status()
    run = api.post(f"{API}/workflows/changing/execute", json={"input": {"name": "x"}}).json()
    api.put(f"{API}/workflows/changing", json={"nodes": [SAY]}).raise_for_status()
    api.delete(f"{API}/workflows/changing").raise_for_status()
    graph = api.get(f"{API}/runs/{run['id']}/graph").json()
    assert [node["id"] for node in graph["nodes"]] == ["say", "after"]
    found = api.get(f"{API}/runs/{run['id']}/definition").json()
    assert (found["definition"], found["version"]) == (definition, 1)
    inline = begin(api, [SAY], input={"name": "x"})
    found = api.get(f"{API}/runs/{inline['id']}/definition").json()
    assert found["definition"]["nodes"] == [SAY]
    for what in ("graph", "definition", "nodes/say/output"):
        assert api.get(f"{API}/runs/none/{what}").status_code == 404


def test_big_values_of_a_run_are_cut_and_can_be_read_whole(api: httpx.Client) -> None:
    big = "x" * 5_000
    run = begin(api, [SAY, pause("after", "say")], input={"name": big})
    path = f"{API}/runs/{run['id']}"
    small = api.get(path, params={"truncate": 1_000}).json()
    assert small["nodes"]["say"]["output"]["$cut"]["bytes"] == len(big) + len('{"text": "Hi "}')
    assert small["input"]["$cut"]["start"].startswith('{"name": "xxx')
    assert api.get(f"{path}/nodes/say/output").json()["output"] == {"text": f"Hi {big}"}
    summary = api.get(path, params={"nodes": "summary"}).json()
    assert {node["output"] for node in summary["nodes"].values()} == {None}
    for what in ("history", "logs"):
        whole = api.get(f"{path}/{what}")
        cut = api.get(f"{path}/{what}", params={"truncate": 100})
        assert big in whole.text
        assert big not in cut.text
        assert "$cut" in cut.text
    assert api.get(f"{path}/nodes/none/output").json()["error"]["code"] == "no-such-node"


def test_the_state_names_the_nodes_that_a_run_stops_before(api: httpx.Client) -> None:
    nodes = [SAY, pause("a", "say"), pause("b", "say")]
    run = begin(api, nodes, input={"name": "x"}, breakpoints=["a", "b"])
    path = f"{API}/runs/{run['id']}"
    until(lambda: run_of(api, run["id"])["status"] == "paused")
    assert api.get(f"{path}/state").json()["stopped_before"] == ["a", "b"]
    assert api.get(f"{path}/debug/state").json()["stopped_before"] == ["a", "b"]
    assert api.get(f"{path}/state", params={"at": 1}).json()["stopped_before"] == []
    api.post(f"{path}/resume").raise_for_status()
    ended(api, run["id"])
    assert api.get(f"{path}/state").json()["stopped_before"] == []


async def test_a_caller_reads_who_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as served:
        for role in ("viewer", "operator", "editor", "admin"):
            body = {"name": "mine", "role": role}
            made = await served.ask("POST", f"{API}/keys", served.admin, json=body)
            me = (await served.ask("GET", f"{API}/me", made.json()["key"])).json()
            assert (me["role"], me["tenant"]) == (role, "default")
            assert "mine" in me["caller"]
