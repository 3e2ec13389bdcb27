"""Values of the environment that are no secrets: declared in `env`, set by the operator."""

from typing import Any

import pytest

from fakes.flows import compiled, registry, run
from flowc.compiler.check import check_workflow
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed

pytestmark = pytest.mark.usefixtures("granularity")


def reading(template: str, env: Any) -> dict[str, Any]:
    return {"env": env, "nodes": [{"id": "a", "type": "transform", "config": {"data": template}}]}


@pytest.mark.parametrize(
    ("env", "given", "value"),
    [
        ({"X": "default"}, {}, "default"),
        ({"X": "default"}, {"X": "set"}, "set"),
        ({"X": None}, {"X": "set"}, "set"),
        ({"X": 3}, {"X": "7"}, 7),
        ({"X": 0.5}, {"X": "1.5"}, 1.5),
        ({"X": False}, {"X": "true"}, True),
        ({"X": True}, {"X": "off"}, False),
        ({"X": {"default": 3, "description": "A number."}}, {}, 3),
        ([{"name": "X", "value_type": "string", "value": "a"}], {}, "a"),
        ({"X": 3}, {"X": 8, "Y": 9}, 8),
    ],
)
async def test_it_has_its_default_or_what_is_set(env: Any, given: Any, value: Any) -> None:
    assert (await run(reading("{{env.X}}", env), env=given)).output == value


async def test_it_is_read_in_conditions_bodies_and_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"nodes": [{"id": "b", "type": "template", "config": {"template": "{{env.X}}{{item}}"}}]}
    nodes = [
        {
            "id": "c",
            "type": "conditional",
            "config": {"condition": "{{env.X}} == 'x'", "true_edge": "m"},
        },
        {"id": "m", "type": "map", "config": {"items": [1], "body": body}},
    ]
    ran = await run({"env": {"X": "x"}, "nodes": nodes})
    assert ran.output["results"] == [{"text": "x1"}]
    exported = compiled(reading("{{env.X}}", {"X": "x"})).exported()
    monkeypatch.setenv("FLOWC_ENV_X", "set")
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(exported, "exported.py", "exec"), module)
    assert await module["run"]({}, None) == "set"


async def test_a_sub_workflow_has_its_own() -> None:
    inner = reading("{{env.X}}", {"X": "inner"})
    around = {
        "env": {"X": "outer"},
        "nodes": [{"id": "w", "type": "subworkflow", "config": {"workflow": inner}}],
    }
    assert (await run(around)).output == "inner"


async def test_one_without_a_value_fails_the_node_unless_it_has_a_default() -> None:
    with pytest.raises(NodeFailed, match="X"):
        await run(reading("{{env.X}}", {"X": None}))
    assert (await run(reading("{{env.X|default('none')}}", {"X": None}))).output == "none"


@pytest.mark.parametrize(
    ("definition", "code", "hint"),
    [
        (reading("{{env.Y}}", {"XY": 1}), "unknown-environment", "Did you mean 'XY'?"),
        (reading("{{ENV.X}}", {"X": 1}), "unknown-reference", "Write {{env.X}}."),
        (
            reading("{{env.X|default(1)}}", {}),
            "unknown-environment",
            "Declare it in the workflow's `env`. A secret is {{secrets.NAME}}.",
        ),
        (
            reading("x", [{"name": "KEY", "value_type": "secret", "value": "s"}]),
            "invalid-value",
            "{{secrets.KEY}}",
        ),
        (reading("x", {"a b": 1}), "invalid-value", ""),
        (reading("x", {"X": [1]}), "invalid-value", ""),
    ],
)
def test_what_is_wrong_is_reported(definition: Any, code: str, hint: str) -> None:
    found = check_workflow(from_data(definition), registry())
    assert found[0].code == code
    assert hint in str(found[0].hint)


async def test_a_node_may_still_be_called_env() -> None:
    nodes = [
        {"id": "env", "type": "transform", "config": {"data": {"n": 1}}},
        {
            "id": "b",
            "type": "transform",
            "config": {"data": "{{env.output.n}}"},
            "depends_on": ["env"],
        },
    ]
    assert (await run({"nodes": nodes})).output == 1
