"""What clients show where a chat begins: the opening and suggested questions of a workflow."""

from typing import Any

import httpx
import pytest

from fakes.flows import registry
from fakes.runs_api import API
from flowc.compiler.check import check_workflow
from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reading.documents import from_data

TALK = {"input": {"message": "string"}, "nodes": [{"id": "say", "type": "template", "config": {"template": "{{input.message}}"}}]}  # fmt: skip
STARTS: list[tuple[dict[str, Any], Any]] = [
    ({"chat": {"opening": "Hello!", "suggested_questions": ["a?", "b?"]}}, {"opening": "Hello!", "suggested_questions": ["a?", "b?"]}),
    ({"chat": {"opening_statement": "Hello!", "suggestions": ["a?"]}}, {"opening": "Hello!", "suggested_questions": ["a?"]}),
    ({"chat": {"greeting": "Hello!"}}, {"opening": "Hello!", "suggested_questions": []}),
    ({"chat": {"starters": ["a?"]}}, {"opening": None, "suggested_questions": ["a?"]}),
    ({}, None),
]  # fmt: skip


@pytest.mark.parametrize(("chat", "shown"), STARTS)
def test_a_workflow_and_its_model_have_it(api: httpx.Client, chat: Any, shown: Any) -> None:
    stored = api.put(f"{API}/workflows/talk", json={**TALK, **chat})
    assert stored.status_code in {200, 201}, stored.text
    assert api.get(f"{API}/workflows/talk").json()["chat"] == shown
    listed = api.get(f"{API}/workflows").json()["items"]
    assert [each["chat"] for each in listed if each["id"] == "talk"] == [shown]
    models = api.get("/v1/models").json()["data"]
    assert [each.get("flowc") for each in models if each["id"] == "talk"] == [shown]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"chat": {"opening": ""}}, "/chat/opening"),
        ({"chat": {"suggested_questions": ["a?"] * 21}}, "/chat/suggested_questions"),
        ({"chat": {"mood": "merry"}}, "/chat/mood"),
        ({"opening_statement": "Hello!"}, "/opening_statement"),
    ],
)
def test_what_is_not_known_of_it_is_refused(change: Any, place: str) -> None:
    [found] = check_workflow(from_data({**TALK, **change}), registry())
    assert found.at.pointer == place
    assert found.hint


def test_it_does_not_change_what_a_workflow_means() -> None:
    hashes = {WorkflowDefinition.model_validate({**TALK, **chat}).hash for chat, _ in STARTS}
    assert len(hashes) == 1
