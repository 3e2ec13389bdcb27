"""Versions of workflows: their texts stay, older ones run and become active, no change is lost."""

from typing import Any

import httpx

from fakes.runs_api import API, begin, ended, human

SOURCE = """\
# Says hello.
id: greet
nodes:
  - id: say   # to whom it may concern
    type: template
    config: {template: "Hello %s"}
"""
YAML = {"content-type": "application/yaml"}


def says(word: str) -> dict[str, Any]:
    return {"nodes": [{"id": "say", "type": "template", "config": {"template": word}}]}


def put(api: httpx.Client, id: str, word: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.put(f"{API}/workflows/{id}", json=says(word), headers=named)


def said(api: httpx.Client, id: str, **params: int) -> Any:
    done = api.post(f"{API}/workflows/{id}/execute", params=params)
    assert done.status_code == 200, done.text
    return done.json()["output"]["text"]


def test_put_creates_a_workflow_and_each_change_is_a_version(api: httpx.Client) -> None:
    made = put(api, "words", "one")
    assert (made.status_code, made.json()["version"]) == (201, 1)
    for word, number in (("two", 2), ("two", 2), ("three", 3)):
        changed = put(api, "words", word)
        assert (changed.status_code, changed.json()["version"]) == (200, number)
    refused = api.put(f"{API}/workflows/_", json=says("x"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid-request")


def test_exactly_the_version_runs_that_the_url_names(api: httpx.Client) -> None:
    for word in ("one", "two", "three"):
        put(api, "exact", word)
    assert said(api, "exact") == "three"
    assert [said(api, "exact", version=number) for number in (1, 2, 3)] == ["one", "two", "three"]
    assert said(api, "exact@2") == "two"
    long = "exact@00000000001999999999999999999999"
    for path, params in (
        ("exact", {"version": 4}),
        *((name, {}) for name in ("exact@4", "exact@x", "exact@²", "exact@", long, "none")),
    ):
        lost = api.post(f"{API}/workflows/{path}/execute", params=params)
        assert (lost.status_code, lost.json()["error"]["code"]) == (404, "no-such-workflow")
    found = api.get(f"{API}/workflows/exact", params={"version": 1}).json()
    assert (found["version"], found["active_version"], found["newest_version"]) == (1, 3, 3)
    assert found["definition"] == says("one")
    assert api.get(f"{API}/workflows/exact/versions/2").json()["definition"] == says("two")
    hint = api.post(f"{API}/workflows/exact/execute", json={"version": 1})
    assert (hint.status_code, "?version=3" in hint.text) == (422, True)


def test_an_older_version_becomes_active_and_what_follows_is_newer(api: httpx.Client) -> None:
    for word in ("one", "two"):
        put(api, "back", word)
    active = api.post(f"{API}/workflows/back/versions/1/activate")
    assert (active.status_code, active.json()["version"]) == (200, 1)
    assert said(api, "back") == "one"
    found = api.get(f"{API}/workflows/back").json()
    assert (found["active_version"], found["newest_version"]) == (1, 2)
    assert put(api, "back", "three").json()["version"] == 3
    assert said(api, "back") == "three"
    listed = api.get(f"{API}/workflows/back/versions").json()
    assert [(each["version"], each["is_active"]) for each in listed] == [
        (3, True),
        (2, False),
        (1, False),
    ]
    assert api.post(f"{API}/workflows/back/versions/9/activate").status_code == 404


def test_a_run_that_waits_keeps_its_version(api: httpx.Client) -> None:
    asks = {"nodes": [human("ask"), {**says("old")["nodes"][0], "depends_on": ["ask"]}]}
    api.put(f"{API}/workflows/keeps", json=asks)
    run = api.post(f"{API}/workflows/keeps/execute").json()
    put(api, "keeps", "new")
    [task] = api.get(f"{API}/interrupts", params={"run_id": run["id"]}).json()
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    assert ended(api, run["id"])["output"]["text"] == "old"


def test_the_text_stays_with_its_comments(api: httpx.Client) -> None:
    first, second = SOURCE % "you", SOURCE % "all"
    url = f"{API}/workflows/greet"
    made = api.post(f"{API}/workflows", content=first, headers=YAML, params={"message": "First."})
    assert made.status_code == 201, made.text
    assert made.json()["message"] == "First."
    api.put(url, content=second, headers=YAML).raise_for_status()
    found = api.get(f"{url}/source")
    assert (found.text, found.headers["content-type"]) == (
        second,
        "application/yaml; charset=utf-8",
    )
    assert api.get(f"{url}/source", params={"version": 1}).text == first
    # Another comment is another text, though it means the same.
    commented = api.put(url, content=f"{second}# The end.\n", headers=YAML).json()
    assert commented["version"] == 3
    assert [each["message"] for each in api.get(f"{url}/versions").json()] == [None, None, "First."]
    text = '{"nodes": [ {"id": "say", "type": "template", "config": {"template": "1"}} ] }'
    headers = {"content-type": "application/json"}
    api.put(url, content=text, headers=headers).raise_for_status()
    assert api.get(f"{url}/source").text == text
    # A definition within another object has no text of its own.
    api.put(url, json={"definition": says("2")}).raise_for_status()
    assert api.get(f"{url}/source").json() == says("2")


def test_a_change_of_another_author_is_not_lost(api: httpx.Client) -> None:
    url, tag = f"{API}/workflows/shared", put(api, "shared", "one").headers["etag"]
    assert api.get(url).headers["etag"] == tag
    mine = put(api, "shared", "mine", if_match=tag)
    assert mine.status_code == 200
    for old in (tag, '"nonsense"', "nonsense", '"99.99"'):
        theirs = put(api, "shared", "theirs", if_match=old)
        assert (theirs.status_code, theirs.json()["error"]["code"]) == (412, "workflow-changed")
        assert api.delete(url, headers={"if-match": old}).status_code == 412
        path = f"{url}/versions/1/activate"
        assert api.post(path, headers={"if-match": old}).status_code == 412
    assert said(api, "shared") == "mine"
    assert put(api, "shared", "again", if_match="*").status_code == 200
    assert put(api, "shared", "new", if_none_match="*").status_code == 412
    assert put(api, "fresh", "new", if_none_match="*").status_code == 201
    assert put(api, "absent", "new", if_match=tag).status_code == 404
    now = api.get(url).headers["etag"]
    api.post(f"{url}/versions/1/activate", headers={"if-match": now}).raise_for_status()
    assert api.get(url).headers["etag"] != now
    assert api.delete(url, headers={"if-match": now}).status_code == 412
    assert api.delete(url).status_code == 204


def test_the_graph_has_bodies_and_branches(api: httpx.Client) -> None:
    inner = {"nodes": [{**says("x")["nodes"][0], "id": "inner"}]}
    each = {"id": "each", "type": "map", "config": {"items": [1], "body": inner}}
    switch = {"id": "which", "type": "switch", "config": {"value": "a", "cases": {"a": "say"}}}
    definition = {"nodes": [each, {**switch, "depends_on": ["each"]}, *says("y")["nodes"]]}
    made = api.put(f"{API}/workflows/drawn", json=definition)
    assert made.status_code == 201, made.text
    graph = api.get(f"{API}/workflows/drawn/graph").json()
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert [node["id"] for node in nodes["each"]["body"]["nodes"]] == ["inner"]
    edges = {(edge["source"], edge["target"]): edge["branches"] for edge in graph["edges"]}
    assert edges == {("each", "which"): None, ("which", "say"): ["a"]}
    assert begin(api, definition["nodes"][:1])["status"] == "completed"
