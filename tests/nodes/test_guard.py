"""The `guard` node: what rules find, what a model judges, and what happens then."""

import json
from typing import Any

import pytest

from fakes.flows import compiled, run
from fakes.loopback import completion, reply_json
from fakes.models import emitted, models_at, scripted
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.interrupts import Answer, Ask
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.ai.guard_rules import GuardRules, masked
from flowc.nodes.services.models import Models

pytestmark = pytest.mark.usefixtures("granularity")
EVERY = ("email", "phone", "credit_card", "iban", "ip_address", "us_ssn", "url", "secret")


def guarded(text: Any = "{{input.text}}", **config: Any) -> dict[str, Any]:
    shown = {"template": "{{check.output.text}}"}
    return {
        "nodes": [
            {"id": "check", "type": "guard", "config": {"text": text, **config}},
            {"id": "on", "type": "template", "config": shown},
            {"id": "off", "type": "template", "config": {"template": "refused"}},
        ],
        "edges": [
            {"source": "check", "target": "on", "branch": "passed"},
            {"source": "check", "target": "off", "branch": "blocked"},
        ],
    }


FOUND: list[tuple[str, str]] = [
    ("Write to ada.l+x@mail.example.co.uk!", "Write to [email]!"),
    ("Call +49 (30) 1234-5678 or 030/1234567.", "Call [phone] or [phone]."),
    ("Call (555) 123-4567 today", "Call [phone] today"),
    ("Card 4111 1111 1111 1111, or 5500-0000-0000-0004", "Card [credit_card], or [credit_card]"),
    ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [iban]."),
    ("GB82WEST12345698765432", "[iban]"),
    ("From 192.168.0.1 and 2001:db8::1 to", "From [ip_address] and [ip_address] to"),
    ("SSN 078-05-1120", "SSN [us_ssn]"),
    ("See https://example.com/a?b=c now", "See [url] now"),
    ("Key sk-abcdefghijklmnop1234", "Key [secret]"),
    ("-----BEGIN RSA PRIVATE KEY-----", "[secret]"),
]
NOT_FOUND = [
    "Order 4111 1111 1111 1112 of 2024-05-06",
    "Version 1.2.3 costs 1,299.00 at 10:30",
    "It is 25 to 30, room 204, page 12",
    "ada at example",
    "999.999.999.999 times",
    "2024-01-31T10:00:00Z",
    "000-12-3456",
    "",
]


@pytest.mark.parametrize(("text", "hidden"), FOUND)
def test_private_data_is_found_by_its_form(text: str, hidden: str) -> None:
    assert masked(text, GuardRules(EVERY).spans(text)) == hidden


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_numbers_are_not_private_data(text: str) -> None:
    assert GuardRules(EVERY).spans(text) == []


async def test_a_text_passes_without_a_match() -> None:
    ran = await run(guarded(detect=["email"]), {"text": "Hello"})
    assert ran.output == {"text": "Hello"}
    assert ran.outputs["check"] == {
        "text": "Hello", "passed": True, "action": "passed", "findings": [], "reason": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "text", "output"),
    [
        ({"detect": ["email"]}, "a@b.test", "refused"),
        ({"detect": ["email"], "on_match": "mask"}, "To a@b.test, c@d.test", "To [email], [email]"),
        ({"words": ["Foo"], "on_match": "mask"}, "foo FOOD foo", "[word] FOOD [word]"),
        ({"words": ["密码"], "on_match": "mask"}, "我的密码是", "我的[word]是"),
        ({"patterns": {"order": r"[A-Z]{2}\d+"}, "on_match": "mask"}, "AB12!", "[order]!"),
        ({"max_length": 3}, "four", "refused"),
        ({"max_length": 3, "on_match": "mask"}, "four", "refused"),
        ({"max_length": 4}, "four", "four"),
        ({"words": ["a b"]}, {"text": "A B"}, "refused"),
        ({"words": ["7"]}, 7, "refused"),
    ],
)
async def test_rules_decide(config: Any, text: Any, output: str) -> None:
    ran = await run(guarded(**config), {"text": text})
    assert ran.output == {"text": output}


async def test_what_was_found_is_counted_and_emitted_without_the_text() -> None:
    ran = await run(guarded(detect=["email"], words=["x"]), {"text": "x a@b.test c@d.test"})
    findings = [{"rule": "email", "count": 2}, {"rule": "word", "count": 1}]
    assert sorted(ran.outputs["check"]["findings"], key=lambda each: each["rule"]) == findings
    assert "a@b.test" not in json.dumps(emitted(ran, "guard"))
    assert ran.outputs["check"]["text"] == ""


async def test_a_match_can_fail_the_node() -> None:
    with pytest.raises(NodeFailed, match="word") as caught:
        await run(guarded(words=["x"], on_match="fail"), {"text": "x"})
    assert caught.value.code == "blocked-by-guard"


def verdict(violates: bool, *quotes: str, categories: tuple[str, ...] = ("insult",)) -> Any:
    found = {
        "violates": violates,
        "categories": list(categories) if violates else [],
        "reason": "It insults." if violates else "",
        "quotes": list(quotes),
    }
    return completion(json.dumps(found))


@pytest.mark.parametrize(
    ("reply", "config", "output"),
    [
        (verdict(False), {}, "You fool."),
        (verdict(True, "fool"), {}, "refused"),
        (verdict(True, "fool"), {"on_match": "mask"}, "You [insult]."),
        (verdict(True), {"on_match": "mask"}, "refused"),
        (verdict(True, "elsewhere"), {"on_match": "mask"}, "refused"),
        (verdict(True, categories=()), {}, "refused"),
    ],
)
async def test_a_model_judges_by_the_policy(reply: Any, config: Any, output: str) -> None:
    workflow = guarded(model="m", policy="Be kind.", **config)
    with scripted(reply) as server:
        services = {Models: models_at(server, "openai/gpt-4o")}
        ran = await run(workflow, {"text": "You fool."}, services)
    assert ran.output == {"text": output}
    system, user = server.requests[0].json["messages"]
    assert "Be kind." in system["content"]
    assert user["content"] == "You fool."
    if output == "refused":
        assert ran.outputs["check"]["findings"][0]["count"] == 1
        assert ran.outputs["check"]["reason"] == "It insults."


async def test_nothing_passes_if_the_model_fails() -> None:
    with scripted(reply_json({"error": {"message": "No."}}, 400)) as server:
        services = {Models: models_at(server, "openai/gpt-4o")}
        with pytest.raises(NodeFailed):
            await run(guarded(model="m"), {"text": "Hi"}, services)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (Answer({"choice": "approve"}), "a@b.test"),
        (Answer("approve"), "a@b.test"),
        (Answer({"choice": "reject"}), "refused"),
        (Answer(None, is_late=True), "refused"),
    ],
)
async def test_a_person_can_let_a_text_pass(answer: Answer, output: str) -> None:
    asked: list[Ask] = []

    async def wait_for(ask: Ask) -> Answer:
        asked.append(ask)
        return answer

    workflow = guarded(detect=["email"], on_match="ask", title="Send it?")
    ran = await run(workflow, {"text": "a@b.test"}, wait_for=wait_for)
    assert ran.output == {"text": output}
    assert asked[0].data["title"] == "Send it?"
    assert asked[0].data["data"]["text"] == "a@b.test"
    if output != "refused":
        assert ran.outputs["check"]["action"] == "allowed"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "nothing is checked"),
        ({"patterns": {"a": "("}}, "is not valid"),
        ({"patterns": {"a": "(?=x)"}}, "is not valid"),
        ({"detect": ["e-mail"]}, "email"),
        ({"words": ["x"], "on_match": "hide"}, "mask"),
    ],
)
def test_what_cannot_be_checked_is_refused(config: Any, message: str) -> None:
    with pytest.raises(DefinitionRefused) as caught:
        compiled(guarded(**config))
    [found] = [each for each in caught.value.diagnostics if each.severity == "error"]
    assert message in f"{found.message} {found.hint}"


async def test_a_guard_before_and_after_a_model() -> None:
    nodes = [
        {"id": "before", "type": "guard", "config": {"text": "{{input.q}}", "words": ["bomb"]}},
        {"id": "ask", "type": "llm", "config": {"model": "m", "prompt": "{{before.output.text}}"}},
        {"id": "after", "type": "guard", "config": {"detect": ["email"], "on_match": "mask"}},
    ]
    edges = [
        {"source": "before", "target": "ask", "branch": "passed"},
        {"source": "ask", "target": "after"},
    ]
    with scripted(completion("Write to a@b.test.")) as server:
        services = {Models: models_at(server)}
        ran = await run({"nodes": nodes, "edges": edges}, {"q": "Whom?"}, services)
        assert ran.output["text"] == "Write to [email]."
        blocked = await run({"nodes": nodes, "edges": edges}, {"q": "A bomb"}, services)
    assert blocked.outputs["before"]["action"] == "blocked"
    assert "ask" not in blocked.outputs
