"""A class with `execute`, `validate_config` and `get_schema` is a node type."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

import flowc.compiler.node.registry
from fakes.flows import compiled, registry, run
from fakes.places import ROOT
from flowc.compiler import Context, NodeFailed, Outcome, Registry, from_data, node_type_of
from flowc.compiler.check import check_workflow
from flowc.compiler.node.registry import BrokenPlugin
from flowc.compiler.testing import check_node_type

pytestmark = pytest.mark.usefixtures("granularity")


class Discount:
    """Take some percent off the price."""

    def get_schema(self) -> Any:
        return {"config": {"percent": "number", "note": "string?"}, "output": {"price": "number"}}

    def validate_config(self, config: Any) -> list[str]:
        return [] if 0 <= config["percent"] <= 100 else ["`percent` is from 0 to 100"]

    async def execute(self, config: Any, inputs: Any) -> Any:
        return {"price": inputs["price"] * (1 - config["percent"] / 100)}


class Model(BaseModel):
    word: str
    times: int = 2


class RepeatNode:
    """Repeat a word."""

    node_type = "repeat-word"

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    @classmethod
    def get_schema(cls) -> type[BaseModel]:
        return Model

    def validate_config(self) -> bool:
        return self.config.get("word") != "no"

    def execute(self) -> str:
        return str(self.config["word"]) * int(self.config["times"])


@dataclass
class Answer:
    doubled: int
    place: str


class Double:
    """Double a number."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    @staticmethod
    def get_schema() -> Any:
        factor = {"type": "integer", "default": 2, "minimum": 1}
        return {
            "type": "object",
            "properties": {"factor": factor, "model_name": {"type": "string"}},
        }

    def validate_config(self, config: Any) -> tuple[bool, str]:
        return config.get("factor", 2) < 10, "the factor is too large"

    def execute(self, data: Any, context: Context) -> Answer:
        return Answer(data["n"] * self.factor, context.node_id)


CLASSES = (Discount, RepeatNode, Double)


def flow(type: str, data: Any = None, **config: Any) -> Any:
    steps = {
        "before": {"type": "input", "input": {"data": data or {}}},
        "step": {"type": type, "input": config, "depends_on": ["before"]},
    }
    return {"steps": steps}


@pytest.mark.parametrize(
    ("type", "data", "config", "output"),
    [
        ("discount", {"price": 50}, {"percent": 10}, {"price": 45}),
        ("discount", {"price": 50}, {"percent": "{{before.output.price}}"}, {"price": 25}),
        ("discount", {}, {"percent": 50, "input": {"price": 4}}, {"price": 2}),
        ("repeat_word", {}, {"word": "ha"}, "haha"),
        ("repeat_word", {}, {"word": "ha", "times": 3}, "hahaha"),
        ("double", {"n": 4}, {}, {"doubled": 8, "place": "step"}),
        ("double", {"n": 4}, {"factor": 3, "model_name": "x"}, {"doubled": 12, "place": "step"}),
    ],
)
async def test_it_runs(type: str, data: Any, config: Any, output: Any) -> None:
    assert (await run(compiled(flow(type, data, **config), *CLASSES))).output == output


@pytest.mark.parametrize(
    ("type", "config", "code", "place", "message"),
    [
        ("discount", {"percent": 120}, "invalid-value", "", "`percent` is from 0 to 100"),
        ("discount", {"percent": "ten"}, "invalid-value", "/percent", "'percent'"),
        ("discount", {}, "missing-key", "", "needs a 'percent'"),
        ("discount", {"percent": 1, "colour": 2}, "unknown-key", "/colour", "'colour'"),
        ("repeat_word", {"word": "no"}, "invalid-value", "", "refuses this configuration"),
        ("repeat_word", {"word": 3}, "invalid-value", "/word", "'word'"),
        ("double", {"factor": 12}, "invalid-value", "", "the factor is too large"),
        ("double", {"factor": 0}, "invalid-value", "/factor", "'factor'"),
    ],
)
def test_what_its_schema_and_its_own_check_refuse_is_a_diagnostic(
    type: str, config: Any, code: str, place: str, message: str
) -> None:
    found = check_workflow(from_data(flow(type, **config)), registry(*CLASSES))
    [problem] = [each for each in found if each.severity == "error"]
    assert (problem.code, problem.at.pointer) == (code, f"/steps/step/input{place}")
    assert message in problem.message
    assert problem.hint


async def test_a_computed_configuration_is_checked_when_it_runs() -> None:
    workflow = compiled(
        flow("discount", {"price": 120}, percent="{{before.output.price}}"), *CLASSES
    )
    with pytest.raises(NodeFailed, match="`percent` is from 0 to 100"):
        await run(workflow)


class Wrong:
    """Return something else than the schema says."""

    def get_schema(self) -> Any:
        return {"config": {}, "output": {"n": "integer"}}

    def execute(self) -> Any:
        return {"n": "many"}


async def test_an_output_that_does_not_fit_its_schema_fails_the_node() -> None:
    with pytest.raises(NodeFailed, match="not of type 'integer'"):
        await run(compiled(flow("wrong"), Wrong))
    found = check_workflow(
        from_data({"nodes": [{"id": "a", "type": "wrong"}, {"id": "b", "type": "template", "config": {"template": "{{a.output.m}}"}, "depends_on": ["a"]}]}),
        registry(Wrong),
    )  # fmt: skip
    assert found[0].code == "unknown-field"


class Branching:
    """An outcome of its own is taken as it is."""

    def get_schema(self) -> Any:
        return {}

    async def execute(self, context: Context) -> Outcome:
        return Outcome({"run": context.run_id})


async def test_it_may_return_an_outcome() -> None:
    assert (await run(compiled(flow("branching"), Branching))).output == {"run": "run"}


async def test_it_passes_the_conformance_test() -> None:
    outcome = await check_node_type(node_type_of(Discount), {"percent": 10, "input": {"price": 1}})
    assert outcome.output == {"price": 0.9}
    assert node_type_of(Discount, "rebate").type == "rebate"
    assert node_type_of(Discount) is node_type_of(Discount)


def test_packages_offer_such_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    def offering(*types: Any) -> Any:
        module = SimpleNamespace(NODE_TYPES=types)
        entry = SimpleNamespace(name="own", value="own", load=lambda: module)
        return lambda group: [entry]

    where = flowc.compiler.node.registry
    monkeypatch.setattr(where, "entry_points", offering(Discount))
    found = Registry.installed().get("discount")
    assert found is node_type_of(Discount)
    monkeypatch.setattr(where, "entry_points", offering(int))
    with pytest.raises(BrokenPlugin, match="is not a node type"):
        Registry.installed()
    monkeypatch.setattr(where, "entry_points", offering(type("Bare", (), {"execute": print})))
    with pytest.raises(BrokenPlugin, match="`get_schema`"):
        Registry.installed()


def test_the_example_of_the_page_runs() -> None:
    page = (ROOT / Path("nodes/docs/writing-a-node-type.md")).read_text()
    section = page[page.index("## A class with `execute`") :]
    program = re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert program is not None
    exec(program[1], {})
