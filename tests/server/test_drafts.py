"""Authors keep drafts, also with errors, and publish them as versions; triggers run these."""

from typing import Any

import httpx

from fakes.runs_api import API

TEXT = """\
# What support answers with.
nodes:
  - id: say
    type: template
    config: {template: "Hi {{input.name}}"}
"""
ADA = {"input": {"name": "Ada"}}


def draft(api: httpx.Client, id: str, source: str, **headers: str) -> httpx.Response:
    return api.put(f"{API}/workflows/{id}/draft", json={"source": source}, headers=headers)


def output(api: httpx.Client, id: str) -> Any:
    return api.post(f"{API}/workflows/{id}/execute", json=ADA).json()["output"]


def test_a_draft_becomes_a_new_workflow_and_then_a_version(api: httpx.Client) -> None:
    first = draft(api, "fresh", TEXT)
    assert (first.status_code, first.json()["is_valid"]) == (200, True), first.text
    assert api.get(f"{API}/workflows/fresh").status_code == 404
    assert "fresh" in {each["workflow_id"] for each in api.get(f"{API}/drafts").json()["items"]}
    made = api.post(f"{API}/workflows/fresh/publish", params={"message": "The first."})
    assert (made.status_code, made.json()["version"], made.json()["message"]) == (
        201,
        1,
        "The first.",
    )
    assert api.get(f"{API}/workflows/fresh/source").text == TEXT
    assert api.get(f"{API}/workflows/fresh/draft").status_code == 404
    draft(api, "fresh", TEXT.replace("Hi", "Hello"))
    # What runs is what was published.
    assert output(api, "fresh") == {"text": "Hi Ada"}
    made = api.post(f"{API}/workflows/fresh/publish")
    assert (made.status_code, made.json()["version"]) == (200, 2)
    assert output(api, "fresh") == {"text": "Hello Ada"}
    nothing = api.post(f"{API}/workflows/fresh/publish")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "no-such-draft")


def test_a_draft_may_have_errors_and_is_not_published_with_them(api: httpx.Client) -> None:
    for source, code in (
        (TEXT.replace("template}}", "template").replace("type: template", "type: templte"), None),
        ("nodes: [", None),
        (TEXT.replace("input.name}}", "input.name"), None),
    ):
        stored = draft(api, "broken", source)
        assert stored.status_code == 200, (code, stored.text)
        assert not stored.json()["is_valid"]
        found = stored.json()["diagnostics"][0]
        assert (found["severity"], found["line"] is not None) == ("error", True)
        refused = api.post(f"{API}/workflows/broken/publish")
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            422,
            "definition-refused",
        )
        assert api.get(f"{API}/workflows/broken/draft").json()["source"] == source
    assert api.delete(f"{API}/workflows/broken/draft").status_code == 204
    assert api.delete(f"{API}/workflows/broken/draft").status_code == 404


def test_two_authors_do_not_overwrite_each_other(api: httpx.Client) -> None:
    first = draft(api, "shared", TEXT, **{"if-none-match": "*"})
    tag = first.headers["etag"]
    again = draft(api, "shared", TEXT, **{"if-none-match": "*"})
    assert (again.status_code, again.json()["error"]["code"]) == (412, "draft-changed")
    assert draft(api, "shared", TEXT + "# mine\n", **{"if-match": tag}).status_code == 200
    assert draft(api, "shared", TEXT + "# theirs\n", **{"if-match": tag}).status_code == 412
    late = api.post(f"{API}/workflows/shared/publish", headers={"if-match": tag})
    assert late.status_code == 412
    found = api.get(f"{API}/workflows/shared/draft")
    assert found.json()["source"].endswith("# mine\n")
    done = api.post(f"{API}/workflows/shared/publish", headers={"if-match": found.headers["etag"]})
    assert done.status_code == 201


def test_a_draft_needs_an_id_that_a_workflow_can_have(api: httpx.Client) -> None:
    assert draft(api, "no spaces", TEXT).status_code == 422


def test_a_draft_is_compared_with_the_active_version(api: httpx.Client) -> None:
    url = f"{API}/workflows/compared"
    asking = TEXT.replace("edges", "") + "  - {id: ask, type: human, depends_on: [say]}\n"
    assert api.get(f"{url}/draft/diff").status_code == 404
    draft(api, "compared", asking)
    # There is no version to compare with.
    assert api.get(f"{url}/draft/diff").status_code == 404
    api.post(f"{url}/publish").raise_for_status()
    run = api.post(f"{url}/execute", json={**ADA, "wait": False}).json()["run_id"]
    draft(api, "compared", f"# Only a comment.\n{asking}")
    assert api.get(f"{url}/draft/diff").json() == {"changes": [], "waiting_runs": []}
    draft(api, "compared", asking.replace("Hi", "Hello"))
    found = api.get(f"{url}/draft/diff").json()
    assert [each["kind"] for each in found["changes"]] == ["changed"]
    assert "node say" in found["changes"][0]["subject"]
    assert found["waiting_runs"] == [run]
    draft(api, "compared", "nodes: [")
    assert api.get(f"{url}/draft/diff").status_code == 422


def test_a_workflow_without_a_name_is_listed_by_its_id(api: httpx.Client) -> None:
    unnamed = {"nodes": [{"id": "a", "type": "start"}]}
    api.put(f"{API}/workflows/unnamed", json=unnamed).raise_for_status()
    assert api.get(f"{API}/workflows/unnamed").json()["name"] == "unnamed"
