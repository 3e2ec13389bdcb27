"""Cases are stored beside a workflow, run on the server, and are the files of `flowc test`."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.runs_api import API, asked, begin, ended, human
from fakes.served import Served, database_of, serving
from flowc.compiler.reading.documents import read_text
from flowc.server.cases.yaml_files import yaml_text
from flowc.server.store.cases import KEPT_RESULTS

WORKFLOW = """\
id: looks
nodes:
  - id: look
    type: http
    config: {url: "http://127.0.0.1:9/none"}
  - id: say
    type: template
    depends_on: [look]
    config: {template: "{{input.name}}: {{look.output.body}}"}
"""
GOOD = {
    "name": "good",
    "input": {"name": "Ada"},
    "mocks": {"look": {"output": {"body": "1e3"}}},
    "expect": {"output": {"text": "Ada: 1e3"}, "path": ["look", "say"]},
}
BAD = {**GOOD, "name": "bad", "expect": {"output": {"text": "Bob: 1e3"}}}
FILE = """\
# What must hold.
workflow: looks.yaml
cases:
  - name: good  # the usual one
    input: {name: Ada}
    mocks:
      look: {output: {body: found}}
    expect: {output: {text: "Ada: found"}}
"""
YAML = {"content-type": "application/yaml"}


@pytest.fixture
def cases(api: httpx.Client) -> str:
    url = f"{API}/workflows/looks"
    api.put(url, content=WORKFLOW, headers=YAML).raise_for_status()
    api.delete(f"{url}/cases").raise_for_status()
    return f"{url}/cases"


def test_cases_are_tried_before_they_are_stored(api: httpx.Client, cases: str) -> None:
    tried = api.post(f"{cases}/run", json={"cases": [GOOD, BAD]}).json()
    assert [each["status"] for each in tried["results"]] == ["passed", "failed"]
    assert api.get(cases).json()["cases"] == []
    assert api.get(f"{cases}/results").json()["items"] == []
    wrong = api.post(f"{cases}/run", json={"cases": [{**GOOD, "expext": {}}]})
    assert wrong.status_code == 422


def test_cases_are_stored_as_they_are_written(api: httpx.Client, cases: str) -> None:
    none = api.get(cases)
    assert (none.json()["cases"], none.headers["etag"][:7]) == ([], '"cases.')
    stored = api.put(cases, json={"cases": [GOOD, BAD]})
    assert stored.status_code == 200, stored.text
    found = api.get(cases)
    assert found.json()["cases"] == [{**each, "last_result": None} for each in (GOOD, BAD)]
    assert found.headers["etag"] == stored.headers["etag"]
    # What was read can be sent back.
    again = api.put(cases, json={"cases": found.json()["cases"]})
    assert again.json()["cases"] == found.json()["cases"]
    assert api.delete(cases).status_code == 204
    assert api.get(cases).json()["cases"] == []
    assert api.get(f"{API}/workflows/none/cases").status_code == 404
    assert api.put(f"{API}/workflows/none/cases", json={"cases": [GOOD]}).status_code == 404


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_stored_cases_are_a_file_that_flowc_test_runs(
    api: httpx.Client, cases: str, form: str, tmp_path: Path
) -> None:
    if form == "json":
        api.put(cases, json={"cases": [GOOD]}).raise_for_status()
    else:
        api.put(cases, content=FILE, headers=YAML).raise_for_status()
    text = api.get(cases, headers={"accept": "application/yaml"})
    assert text.headers["content-type"].startswith("application/yaml")
    assert text.text == api.get(cases, params={"format": "yaml"}).text
    assert (text.text == FILE) == (form == "yaml")
    (tmp_path / "looks.test.yaml").write_text(text.text)
    (tmp_path / "looks.yaml").write_text(api.get(f"{API}/workflows/looks/source").text)
    done = subprocess.run(
        [sys.executable, "-m", "flowc.server", "test", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FLOWC_DATA_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "1 passed, 0 failed" in done.stderr


def test_mistakes_in_cases_are_refused_with_their_places(api: httpx.Client, cases: str) -> None:
    text = FILE.replace("expect:", "expects:")
    refused = api.put(cases, content=text, headers=YAML)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "cases-refused")
    found = {each["code"]: each for each in error["details"]}
    assert found["unknown-key"]["line"] == 8
    for body in (
        {"cases": []},
        {"cases": [{**GOOD, "expects": {}}]},
        {"cases": [{**GOOD, "mocks": {"look": {"outputs": 1}}}]},
        {"cases": [GOOD, GOOD]},
        {"cases": [{**GOOD, "name": "x" * 201}]},
        {"cases": [GOOD], "more": 1},
        {"cases": [GOOD], "workflow": {"nodes": []}},
        {"cases": 1},
    ):
        refused = api.put(cases, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "cases-refused")
        assert refused.json()["error"]["details"][0]["pointer"] is not None
    assert api.get(cases).json()["cases"] == []


def test_two_authors_do_not_overwrite_each_others_cases(api: httpx.Client, cases: str) -> None:
    tag = api.put(cases, json={"cases": [GOOD]}).headers["etag"]
    first = api.put(cases, json={"cases": [GOOD]}, headers={"if-none-match": "*"})
    assert (first.status_code, first.json()["error"]["code"]) == (412, "cases-changed")
    assert api.put(cases, json={"cases": [BAD]}, headers={"if-match": tag}).status_code == 200
    assert api.put(cases, json={"cases": [GOOD]}, headers={"if-match": tag}).status_code == 412
    assert api.delete(cases, headers={"if-match": tag}).status_code == 412
    assert [each["name"] for each in api.get(cases).json()["cases"]] == ["bad"]


def test_cases_run_and_their_results_are_stored(api: httpx.Client, cases: str) -> None:
    total = api.get(f"{API}/runs").json()["total"]
    api.put(cases, json={"cases": [GOOD, BAD]}).raise_for_status()
    ran = api.post(f"{cases}/run")
    assert ran.status_code == 200, ran.text
    assert (ran.json()["passed"], ran.json()["failed"]) == (1, 1)
    good, bad = ran.json()["results"]
    assert (good["name"], good["status"], good["problems"]) == ("good", "passed", [])
    assert bad["expected"] == BAD["expect"]
    assert (bad["got"]["output"], bad["got"]["path"]) == ({"text": "Ada: 1e3"}, ["look", "say"])
    assert '+  "text": "Ada: 1e3"' in bad["problems"][0]
    last = [each["last_result"] for each in api.get(cases).json()["cases"]]
    assert [each["status"] for each in last] == ["passed", "failed"]
    assert last[1]["problems"] == bad["problems"]
    assert last[1]["version"] == api.get(f"{API}/workflows/looks").json()["version"]
    for _ in range(2):
        assert len(api.post(f"{cases}/run", json={"names": ["bad"]}).json()["results"]) == 1
    page = api.get(f"{cases}/results", params={"name": "bad", "limit": 2}).json()
    after = {"name": "bad", "limit": 2, "cursor": page["next_cursor"]}
    rest = api.get(f"{cases}/results", params=after).json()
    times = [each["ran_at"] for each in page["items"] + rest["items"]]
    assert (len(times), times) == (3, sorted(times, reverse=True))
    assert (page["total"], rest["next_cursor"]) == (3, None)
    assert api.get(f"{cases}/results").json()["total"] == 4
    unknown = api.post(f"{cases}/run", json={"names": ["good", "best"]})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "no-such-case")
    assert "best" in unknown.text
    assert api.get(f"{API}/runs").json()["total"] == total
    # Results of a case that is gone, are gone with it.
    api.put(cases, json={"cases": [GOOD]}).raise_for_status()
    assert api.get(f"{cases}/results").json()["total"] == 1


def test_a_case_whose_input_is_refused_or_that_takes_too_long_fails(api: httpx.Client) -> None:
    code = "def process():\n    while True:\n        pass\n"
    node = {"id": "spin", "type": "code", "config": {"code": code}}
    body = {"nodes": [node], "input": {"n": "integer"}}
    api.put(f"{API}/workflows/spinning", json=body).raise_for_status()
    url = f"{API}/workflows/spinning/cases"
    sent = [
        {"name": "refused", "input": {"n": "x"}, "expect": {}},
        {"name": "slow", "input": {"n": 1}, "expect": {}},
        {"name": "late", "input": {"n": 1}, "expect": {}},
    ]
    api.put(url, json={"cases": sent}).raise_for_status()
    refused, slow, late = api.post(f"{url}/run", json={"timeout": 0.2}).json()["results"]
    assert "n" in refused["problems"][0]
    for each in (slow, late):
        assert "did not end within" in each["problems"][0]


def test_a_deleted_workflow_leaves_no_cases(api: httpx.Client, cases: str) -> None:
    api.put(cases, json={"cases": [GOOD]}).raise_for_status()
    api.post(f"{cases}/run").raise_for_status()
    api.delete(f"{API}/workflows/looks").raise_for_status()
    assert api.get(cases).status_code == 404
    assert api.get(f"{cases}/results").status_code == 404
    api.put(f"{API}/workflows/looks", content=WORKFLOW, headers=YAML).raise_for_status()
    assert api.get(cases).json()["cases"] == []
    assert api.get(f"{cases}/results").json()["total"] == 0


def test_a_case_is_made_of_a_run_and_passes(api: httpx.Client) -> None:
    nodes = [
        {
            "id": "think",
            "type": "llm",
            "config": {"model": "offline/echo", "prompt": "{{input.q}}"},
        },
        human("ask", "think", title="May I?"),
        {
            "id": "say",
            "type": "template",
            "depends_on": ["ask"],
            "config": {"template": "{{think.output.text}}, {{ask.output.choice}}"},
        },
    ]
    api.put(f"{API}/workflows/asking", json={"nodes": nodes}).raise_for_status()
    started = api.post(f"{API}/workflows/asking/execute", json={"input": {"q": "So?"}}).json()
    early = api.post(f"{API}/runs/{started['id']}/case")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not-possible")
    [question] = asked(api, started["id"])
    answer = {"answer": "approve"}
    api.post(f"{API}/interrupts/{question['id']}/answer", json=answer).raise_for_status()
    run = ended(api, started["id"])
    made = api.post(f"{API}/runs/{run['id']}/case", json={"name": "so"}).json()
    case = made["case"]
    assert (made["workflow_id"], made["version"], made["notes"]) == ("asking", 1, [])
    assert (case["name"], case["input"], set(case["mocks"])) == ("so", {"q": "So?"}, {"think"})
    assert case["answers"] == {"May I?": {"choice": "approve"}}
    assert case["expect"]["output"] == run["output"]
    assert case["expect"]["path"] == ["think", "ask", "say"]
    whole = api.post(f"{API}/runs/{run['id']}/case", json={"mocks": "all"}).json()["case"]
    assert set(whole["mocks"]) == {"think", "say"}
    cases = [case, whole]
    api.put(f"{API}/workflows/asking/cases", json={"cases": cases}).raise_for_status()
    ran = api.post(f"{API}/workflows/asking/cases/run").json()
    assert (ran["passed"], ran["failed"]) == (2, 0), ran


def test_a_case_of_a_run_that_failed_expects_its_error(api: httpx.Client) -> None:
    look = {"id": "look", "type": "http", "config": {"url": "{{input.url}}"}}
    run = begin(api, [look], input={"url": "http://127.0.0.1:9/none"})
    made = api.post(f"{API}/runs/{run['id']}/case").json()["case"]
    assert made["expect"] == {"status": "failed", "error": "egress-denied", "path": []}
    assert made["mocks"]["look"]["error"]["code"] == "egress-denied"


TURN = ["think", "count", "more"]


def test_a_node_with_several_outcomes_is_not_mocked(api: httpx.Client) -> None:
    """A mock is the same each time: the loop would never end."""
    think = {"model": "offline/echo", "prompt": "turn {{variables.n}}"}
    nodes = [
        {"id": "begin", "type": "start"},
        {"id": "think", "type": "llm", "config": think},
        {"id": "count", "type": "set", "config": {"variables": {"n": "{{variables.n + 1}}"}}},
        {"id": "more", "type": "conditional", "config": {"condition": "variables.n < 3"}},
        {"id": "done", "type": "template", "config": {"template": "{{variables.n}}"}},
    ]
    edges = [
        {"source": "begin", "target": "think"},
        {"source": "think", "target": "count"},
        {"source": "count", "target": "more"},
        {"source": "more", "target": "think", "branch": "true"},
        {"source": "more", "target": "done", "branch": "false"},
    ]
    run = begin(api, nodes, definition={"edges": edges, "variables": {"n": 1}})
    assert run["status"] == "completed", run["error"]
    made = api.post(f"{API}/runs/{run['id']}/case").json()
    assert "mocks" not in made["case"]
    assert made["notes"] == ["'think' ran 2 times with different outcomes: not mocked."]
    assert made["case"]["expect"]["path"] == ["begin", *TURN, *TURN, "done"]


ECHO = {"id": "think", "type": "llm", "config": {"model": "offline/echo", "prompt": "{{item}}"}}


def test_a_map_is_mocked_as_a_whole(api: httpx.Client) -> None:
    each = {
        "id": "each",
        "type": "map",
        "config": {
            "items": "{{input.words}}",
            "body": {"nodes": [ECHO]},
        },
    }
    run = begin(api, [each], input={"words": ["a", "b"]})
    assert run["status"] == "completed", run["error"]
    made = api.post(f"{API}/runs/{run['id']}/case").json()
    # In a body, a mock would be the same for each item: the map is mocked as a whole.
    assert set(made["case"]["mocks"]) == {"each"}
    assert made["case"]["expect"]["path"] == ["each"]


# As a key, `<<` merges, also in quotes.
WRITTEN = ["1e3", "yes", "No", "null", "~", "2026-01-01", "0x1", "0o7", "1_000", "-", "a: b", "# c"]
ODD = ["a\nb", "a\nb\n", " a\nb", "a \nb", "\n", "\ta", "=", "*a", "&a", "!a", ".5", "1:30", "..."]
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TEXTS = (ANY | st.sampled_from(WRITTEN + ODD)).filter(lambda text: text != "<<")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_data_written_as_yaml_is_read_as_the_same(data: dict[str, Any]) -> None:
    json.dumps(data)
    assert read_text(yaml_text(data), "a.yaml").data == data


@pytest.fixture(params=["sqlite", "postgresql"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", **database_of(request)) as found:
        yield found


async def test_of_each_case_the_newest_hundred_results_stay(served: Served) -> None:
    nodes = [{"id": "say", "type": "template", "config": {"template": "hi"}}]
    await served.ask("PUT", f"{API}/workflows/says", served.admin, json={"nodes": nodes})
    url = f"{API}/workflows/says/cases"
    two = [{"name": name, "expect": {}} for name in ("one", "two")]
    stored = await served.ask("PUT", url, served.admin, json={"cases": two})
    assert stored.status_code == 200, stored.text
    await served.ask("POST", f"{url}/run", served.admin, json={"names": ["two"]})
    for _ in range(KEPT_RESULTS + 2):
        await served.ask("POST", f"{url}/run", served.admin, json={"names": ["one"]})
    for name, count in (("one", KEPT_RESULTS), ("two", 1)):
        found = await served.ask("GET", f"{url}/results?name={name}", served.admin)
        assert found.json()["total"] == count
    shown = (await served.ask("GET", url, served.admin)).json()["cases"]
    newest = await served.ask("GET", f"{url}/results?name=one&limit=1", served.admin)
    assert shown[0]["last_result"] == newest.json()["items"][0]
