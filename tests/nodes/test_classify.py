"""The `classify` node, with the answers that models really give."""

import json
from typing import Any

import pytest

from fakes.flows import compiled, run
from fakes.loopback import completion
from fakes.models import emitted, models_at, scripted
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import Models

LABELS: dict[str, Any] = {
    "billing": {"description": "Money and invoices.", "synonyms": ["invoice", "Payments"]},
    "tech support": "Something does not work.",
    "support": "",
    "C#": "",
    "C++": "",
    "Réclamation": "",
    "账单": "",
}


def sorting(**more: Any) -> dict[str, Any]:
    config = {"model": "m", "text": "My invoice is wrong.", "labels": LABELS, **more}
    names = [*config["labels"], *([config["fallback"]] if "fallback" in config else [])]
    targets = [(f"t{number}", name) for number, name in enumerate(names)]
    return {
        "nodes": [
            {"id": "sort", "type": "classify", "config": config},
            *({"id": id, "type": "template", "config": {"template": name}} for id, name in targets),
        ],
        "edges": [{"source": "sort", "target": id, "branch": name} for id, name in targets],
    }


def said(label: Any, confidence: Any = 0.9) -> str:
    return json.dumps({"label": label, "confidence": confidence})


ANSWERS = [
    (said("Billing "), "billing"),
    (said("BILLING."), "billing"),
    (said("**billing**"), "billing"),
    (said("`billing`"), "billing"),
    (said("“billing”"), "billing"),
    (said("billing: Money and invoices."), "billing"),
    (said("invoice"), "billing"),
    (said("PAYMENTS"), "billing"),
    (said(["billing"]), "billing"),
    (said({"name": "billing"}), "billing"),
    (said("tech_support"), "tech support"),
    (said("TechSupport"), "tech support"),
    (said("Tech-Support"), "tech support"),
    (said("Support"), "support"),
    (said("c#"), "C#"),
    (said("C++."), "C++"),
    (said("reclamation"), "Réclamation"),
    (said("账单。"), "账单"),
    (said("类别 账单"), "账单"),
    ("billing", "billing"),
    ('"Billing"', "billing"),
    ("Label: tech support", "tech support"),
    ("The label that fits best is **Billing**.", "billing"),
    ('```json\n{"label": "Billing"}\n```', "billing"),
    ('["billing"]', "billing"),
    ('{"category": "Billing", "reason": "It is about money."}', "billing"),
    ('{"billing": 0.8, "support": 0.1}', "billing"),
    ('{"billing": true, "support": false}', "billing"),
]


@pytest.mark.parametrize(("answer", "label"), ANSWERS)
async def test_a_label_is_found_however_the_model_writes_it(answer: str, label: str) -> None:
    with scripted(completion(answer)) as server:
        ran = await run(sorting(), services={Models: models_at(server, "openai/own")})
    assert ran.outputs["sort"]["label"] == label
    assert ran.output == {"text": label}


@pytest.mark.parametrize(
    "answer",
    [
        said("shipping"),
        said("c"),
        said(None),
        said(""),
        said("not billing"),
        said("billing, support"),
        said(["billing", "support"]),
        "None of them, though billing comes close.",
        "I would need more information.",
        '{"billing": 0.5, "support": 0.5}',
        "{}",
        "",
    ],
)
async def test_an_answer_that_names_no_label_twice_takes_the_fallback(answer: str) -> None:
    with scripted(completion(answer)) as server:
        models = models_at(server, "openai/own")
        ran = await run(sorting(fallback="person"), services={Models: models})
        assert ran.output == {"text": "person"}
        assert len(server.requests) % 2 == 0
        [event] = emitted(ran, "fallback_label")
        assert event == {"label": "person", "answer": answer}
        if answer:
            with pytest.raises(NodeFailed, match="names none of the labels billing") as caught:
                await run(sorting(), services={Models: models})
            assert caught.value.code == "answer-does-not-fit"


async def test_what_a_better_second_answer_names_is_the_label() -> None:
    with scripted(completion(said("shipping")), completion(said("Support"))) as server:
        models = models_at(server, "openai/own")
        ran = await run(sorting(fallback="person"), services={Models: models})
    assert ran.output == {"text": "support"}
    asked = server.requests[1].json["messages"][-1]["content"]
    assert "names none of the labels billing, tech support" in asked


@pytest.mark.parametrize(
    ("confidence", "label", "shown"),
    [
        ("0.9", "billing", 0.9),
        ("90%", "billing", 0.9),
        (90, "billing", 0.9),
        (1, "billing", 1.0),
        ("40 %", "person", 0.4),
        ("high", "person", 0.0),
        (7, "person", 0.0),
        (None, "person", 0.0),
    ],
)
async def test_a_confidence_is_a_number_from_0_to_1(
    confidence: Any, label: str, shown: float
) -> None:
    config = {"fallback": "person", "min_confidence": 0.6}
    with scripted(completion(said("billing", confidence))) as server:
        models = models_at(server, "openai/own")
        ran = await run(sorting(**config), services={Models: models})
    assert ran.output == {"text": label}
    assert ran.outputs["sort"]["confidence"] == shown


async def test_synonyms_are_in_the_request() -> None:
    with scripted(completion(said("billing"))) as server:
        await run(sorting(), services={Models: models_at(server, "openai/own")})
    system = "\n".join(m["content"] for m in server.requests[0].json["messages"])
    assert "- billing (also: invoice, Payments): Money and invoices." in system
    assert "- tech support: Something does not work." in system


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"labels": {"a": {"synonyms": ["x"]}, "b": {"synonyms": ["x"]}}}, "'x' names both"),
        ({"labels": {"a": {"synonyms": ["b"]}, "b": ""}}, "'b' names both 'a' and 'b'"),
        ({"labels": ["billing", "other"], "fallback": "Other"}, "'other' is"),
        ({"labels": ["a", "b"], "min_confidence": 0.5}, "needs a `fallback`"),
        ({"labels": ["a", "b", "a"]}, "'a' is listed twice"),
    ],
)
def test_names_that_mean_two_labels_are_refused(config: dict[str, Any], problem: str) -> None:
    node = {"id": "sort", "type": "classify", "config": {"text": "x", **config}}
    with pytest.raises(DefinitionRefused, match=problem):
        compiled({"nodes": [node]})


def test_labels_that_differ_only_in_case_are_two_labels() -> None:
    node = {"id": "sort", "type": "classify", "config": {"text": "x", "labels": ["Bug", "bug"]}}
    assert compiled({"nodes": [node]}).plan.nodes["sort"]


async def test_labels_can_be_a_list_with_their_meanings() -> None:
    labels = [{"name": "billing", "synonyms": ["invoice"], "description": "Money."}, "other"]
    edges = [{"source": "sort", "target": "t", "branch": "billing"}]
    config = {"model": "m", "text": "x", "labels": labels}
    nodes = [
        {"id": "sort", "type": "classify", "config": config},
        {"id": "t", "type": "template", "config": {"template": "{{sort.output.label}}"}},
    ]
    with scripted(completion("Invoice")) as server:
        models = models_at(server, "openai/own")
        ran = await run({"nodes": nodes, "edges": edges}, services={Models: models})
    assert ran.output == {"text": "billing"}
    assert "(also: invoice): Money." in server.requests[0].json["messages"][1]["content"]


def test_the_keys_of_other_tools_are_recognised() -> None:
    for key in ("classes", "categories", "scenarios"):
        node = {"id": "sort", "type": "classify", "config": {"text": "x", key: ["a", "b"]}}
        with pytest.raises(DefinitionRefused) as caught:
            compiled({"nodes": [node]})
        hints = {each.code: each.hint for each in caught.value.diagnostics}
        assert "labels" in str(hints["unknown-key"])
