"""The definitions that were given: each runs, or is refused for the right reason in the right place."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from fakes.flows import compiled, registry, run
from fakes.loopback import reply_json, serving
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data, read_file
from flowc.compiler.reports.json_schema import definition_schema
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.models import ModelAlias, Models
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.monty_engine import MontyEngine

pytestmark = pytest.mark.usefixtures("granularity")

GIVEN = Path(__file__).parent / "definitions"
OFFLINE = {Models: Models({"gpt-4": ModelAlias(model="offline/extract")})}
SAMPLES = {
    sample["id"]: sample for sample in yaml.safe_load((GIVEN / "node-samples.yaml").read_text())
}


@pytest.mark.parametrize(
    ("message", "answers", "skipped"),
    [
        ("A technical fault.", "technical_support", "general_support"),
        ("Where is my bill?", "general_support", "technical_support"),
    ],
)
async def test_the_support_workflow_runs_on_both_branches(
    message: str, answers: str, skipped: str
) -> None:
    workflow = compiled((GIVEN / "customer-support-complete.yaml").read_text())
    ran = await run(workflow, {"message": message}, OFFLINE)
    assert ran.output["text"].endswith(message)
    assert ran.times()[answers] == 1
    assert ran.times("node.skipped")[skipped] == 1


def test_the_support_workflow_without_its_branches_is_refused_at_their_places() -> None:
    found = check_workflow(read_file(GIVEN / "customer-support.yaml"), registry())
    assert [(d.code, d.at.line, d.at.column) for d in found] == [
        ("unknown-node", 19, 18),
        ("unknown-node", 20, 19),
    ]
    assert "'technical_support'" in found[0].message
    assert "'general_support'" in found[1].message


def test_the_missing_output_schema_is_inferred_and_reported() -> None:
    workflow = compiled((GIVEN / "customer-support-complete.yaml").read_text())
    schema = workflow.plan.nodes["classify"].definition.config["output_schema"]
    assert schema["properties"] == {"category": {"type": "string", "examples": ["technical"]}}
    assert [d.code for d in workflow.diagnostics] == ["inferred-output"]


async def test_the_simple_steps_run() -> None:
    workflow = compiled((GIVEN / "steps-simple.yaml").read_text())
    assert (await run(workflow)).output == {"message": "HELLO"}
    assert (await run(workflow, {"message": "you"})).output == {"message": "YOU"}


async def test_the_parallel_steps_run_and_their_data_reaches_the_model() -> None:
    workflow = compiled((GIVEN / "steps-parallel.yaml").read_text())
    ran = await run(workflow, services={Models: Models()})
    assert ran.output["text"].startswith("Analyze data")
    data = json.loads(ran.output["text"].removeprefix("Analyze data"))
    # Both steps output the field `value`: the last one counts, and the compiler says so.
    assert data == {"value": 2}
    assert [d.code for d in workflow.diagnostics] == ["fields-collide"]
    text = (GIVEN / "steps-parallel.yaml").read_text()
    keyed = compiled(text.replace("{type: ai,", "{type: ai, merge: keyed,"))
    ran = await run(keyed, services={Models: Models()})
    data = json.loads(ran.output["text"].removeprefix("Analyze data"))
    assert data == {"process_a": {"value": 1}, "process_b": {"value": 2}}
    assert keyed.diagnostics == ()


def test_each_sample_passes_the_node_check() -> None:
    assert check_workflow(read_file(GIVEN / "node-samples.yaml"), registry()) == []


def _alone(sample: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": [{"id": "start", "type": "start"}, {**sample, "depends_on": ["start"]}]}


async def test_the_llm_sample_runs() -> None:
    ran = await run(_alone(SAMPLES["llm_node"]), {"prompt": "Say it."}, OFFLINE)
    assert ran.output["text"] == "Say it."
    assert ran.output["usage"]["total_tokens"] > 0


async def test_the_http_sample_runs_and_its_secret_is_seen_by_the_service_alone() -> None:
    secret = "s3cr3t-key-0123456789"
    with serving(lambda request: reply_json({"echo": dict(request.headers)})) as server:
        sample = SAMPLES["http_node"]
        sample = {**sample, "config": {**sample["config"], "url": f"{server.url}/endpoint"}}
        policy = EgressPolicy.of_rules({"127.0.0.1/32": [server.port]})
        client = HttpClient(policy)
        ran = await run(_alone(sample), {"data": [1]}, {HttpClient: client}, {"api_key": secret})
        await client.aclose()
    [request] = server.requests
    assert request.method == "POST"
    assert request.json == {"data": [1]}
    assert request.headers["authorization"] == f"Bearer {secret}"
    assert ran.output["body"]["echo"]["authorization"] == "Bearer [secret]"
    assert secret not in repr(ran)


async def test_the_code_sample_runs() -> None:
    sandboxes = Sandboxes((MontyEngine(),))
    ran = await run(_alone(SAMPLES["code_node"]), {"value": 21}, {Sandboxes: sandboxes})
    await sandboxes.aclose()
    assert ran.output == {"output": 42}


@pytest.mark.parametrize(("value", "taken"), [(11, "success_path"), (10, "failure_path")])
async def test_the_conditional_sample_runs(value: int, taken: str) -> None:
    paths = [{"id": name, "type": "note"} for name in ("success_path", "failure_path")]
    ran = await run({"nodes": [SAMPLES["conditional_node"], *paths]}, {"value": value})
    assert set(ran.times()) == {"conditional_node", taken}


def test_the_schema_accepts_what_was_given_and_refuses_what_is_wrong() -> None:
    schema = definition_schema(registry())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in ("customer-support", "customer-support-complete", "steps-simple", "steps-parallel"):
        assert validator.is_valid(yaml.safe_load((GIVEN / f"{name}.yaml").read_text())), name
    assert not validator.is_valid({"nodes": [{"id": "a", "type": "no_such_type"}]})
    wrong = {"nodes": [{"id": "a", "type": "llm", "config": {"temperature": "hot"}}]}
    assert not validator.is_valid(wrong)


def test_the_hash_ignores_layout_and_order_but_not_meaning() -> None:
    node = {"id": "a", "type": "template", "config": {"template": "x"}}
    plain = compiled({"nodes": [node]}).workflow.hash
    laid_out = {"position": {"x": 1, "y": 2}, "name": "A", **dict(reversed(node.items()))}
    assert compiled({"description": "d", "nodes": [laid_out]}).workflow.hash == plain
    changed = {**node, "config": {"template": "y"}}
    assert compiled({"nodes": [changed]}).workflow.hash != plain


async def test_an_input_node_called_input_does_not_hide_the_runs_input() -> None:
    workflow = {
        "steps": {
            "input": {"type": "input", "input": {"data": {"a": 1}}},
            "show": {
                "type": "template",
                "input": {"template": "{{input.b}} {{input.output.a}}"},
                "depends_on": ["input"],
            },
        }
    }
    assert (await run(workflow, {"b": 2})).output == {"text": "2 1"}


async def test_ids_that_are_no_names_are_read_through_nodes() -> None:
    workflow = {
        "nodes": [
            {"id": "my-node", "type": "template", "config": {"template": "hi"}},
            {
                "id": "b",
                "type": "template",
                "config": {"template": "{{nodes['my-node'].output.text}}!"},
                "depends_on": ["my-node"],
            },
        ]
    }
    assert (await run(workflow)).output == {"text": "hi!"}
    found = check_workflow(from_data(workflow), registry())
    assert found == []
