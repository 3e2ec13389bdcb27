"""An exported graph is Python that a person can read, and runs where there is no compiler.

That it gives the same result is asked of every workflow that the tests run: see `flows.run`.
"""

import ast
import json
import os
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from typer.testing import CliRunner

from fakes.flows import compiled, run
from fakes.places import DEFINITIONS, MODELS
from fakes.processes import PATIENCE
from flowc.compiler.node import Context, Node, NodeError
from flowc.nodes.outside.http import Http
from flowc.nodes.standalone import Host, Options, run_node
from flowc.nodes.standalone import template as standalone_template
from flowc.server.cli import app

SUPPORT = DEFINITIONS / "customer-support-complete.yaml"

# The phases of the compiler; what is left are node types, expressions, and joins.
COMPILER = [
    f"flowc.compiler.{name}"
    for name in ("compile", "check", "checks", "analysis.scopes", "analysis.flow",
                 "analysis.inference", "analysis.configuration", "planning.plan",
                 "reading.dialects", "lowering", "running.region", "running.node_run", "export")
]  # fmt: skip
WITHOUT_COMPILER = f"""
import runpy, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in {COMPILER!r}:
            raise ImportError("the compiler is not here: " + name)

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_modules_that_an_exported_graph_must_not_load_exist() -> None:
    assert [name for name in COMPILER if find_spec(name) is None] == []


def export(file: Path) -> str:
    done = CliRunner().invoke(app, ["export", str(file)])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    "file",
    [
        SUPPORT,
        DEFINITIONS / "steps-parallel.yaml",
        DEFINITIONS / "steps-simple.yaml",
    ],
    ids=lambda path: path.stem,
)
def test_a_given_definition_runs_without_the_compiler(file: Path, tmp_path: Path) -> None:
    script = tmp_path / "graph.py"
    script.write_text(export(file))
    given = json.dumps({"message": "the app crashes"})
    command = [sys.executable, "-c", WITHOUT_COMPILER, str(script), given]
    env = {**os.environ, "FLOWC_MODELS_FILE": str(MODELS)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


def test_it_is_formatted_and_names_nothing_that_it_does_not_import() -> None:
    text = compiled(json.loads(json.dumps(EVERYTHING))).exported()
    ast.parse(text)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", "-"]
    done = subprocess.run(ruff, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def template(id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "template", "config": {"template": text}, **more}


# Names that are no identifiers, that are Python's, or that the module uses itself.
EVERYTHING: dict[str, Any] = {
    "name": 'A """title""" \\ with "quotes"',
    "variables": {"n": 0, "text": "it's\n"},
    "nodes": [
        template("class", "a{{variables.text}}", description='He said "no"'),
        template("a-b", "b", depends_on=["class"]),
        template("a_b", "c", depends_on=["class"]),
        template("graph", "d", depends_on=["a-b", "a_b"]),
        template("Command", "{{graph.output.text}}", depends_on=["graph"]),
        template("State", "e", depends_on=["Command"]),
        {
            "id": "loop_1",
            "type": "loop",
            "depends_on": ["State"],
            "config": {
                "while": "loop.index < 3",
                "accumulators": {"sum": {"initial": 0, "expression": "value + loop.index"}},
                "body": {
                    "nodes": [
                        {
                            "id": "add",
                            "type": "set",
                            "config": {"variables": {"n": "{{variables.n + 1}}"}},
                        },
                        {
                            "id": "sub",
                            "type": "subworkflow",
                            "depends_on": ["add"],
                            "config": {
                                "input": {"n": "{{variables.n}}"},
                                "workflow": {
                                    "input": {"n": "integer"},
                                    "variables": {"k": 2},
                                    "nodes": [
                                        {
                                            "id": "times",
                                            "type": "transform",
                                            "config": {
                                                "data": None,
                                                "expression": "input.n * variables.k",
                                            },
                                        }
                                    ],
                                },
                            },
                        },
                    ]
                },
            },
        },
        {
            "id": "end",
            "type": "end",
            "depends_on": ["loop_1"],
            "config": {
                "output": [
                    "{{variables.n}}",
                    "{{loop_1.output.results}}",
                    "{{loop_1.output.accumulators.sum}}",
                ]
            },
        },
    ],
}


async def test_names_of_any_kind_bodies_variables_and_accumulators_come_through() -> None:
    ran = await run(EVERYTHING)
    assert ran.output == [3, [2, 4, 6], 3]


async def test_failures_that_are_handled_take_the_same_paths() -> None:
    failing = {"id": "no", "type": "fail", "config": {"message": "refused"}}
    text = "{{error.message}} {{error.node}}"
    nodes = [
        {**failing, "on_error": {"goto": "told"}},
        template("told", text),
        template("well", "x", depends_on=["no"]),
    ]
    assert (await run({"nodes": nodes})).output == {"text": "refused no"}
    nodes = [
        {**failing, "on_error": {"output": 7}},
        template("next", "{{no.output}}", depends_on=["no"]),
    ]
    assert (await run({"nodes": nodes})).output == {"text": "7"}


def test_a_failure_is_reported_in_a_sentence(tmp_path: Path) -> None:
    failing = [{"id": "no", "type": "fail", "config": {"message": "It is refused."}}]
    script = tmp_path / "graph.py"
    script.write_text(compiled({"nodes": failing}).exported())
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (1, "failed: It is refused.\n")


def test_a_failed_expression_names_the_reference_and_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "graph.py"
    script.write_text(compiled({"nodes": [template("a", "{{input.user.nme}}")]}).exported())
    command = [sys.executable, str(script), '{"user": {"name": "Ada"}}']
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "failed: 'input.user' has no field 'nme'; its field is 'name'.\n"
        "  hint: Did you mean 'name'?\n",
    )


@pytest.mark.parametrize("source", ["{{secrets.key}}", "{{secrets.key|upper}}"])
async def test_a_failure_in_an_exported_graph_tells_no_secret(source: str) -> None:
    def http(names: Any) -> Http:
        return Http(url="http://x", headers=standalone_template(source, names))

    host = Host(secret=lambda name: "sk-very-secret")
    with pytest.raises(NodeError) as caught:
        await run_node("a", http, {}, host, Options(secrets=("key",)))
    assert caught.value.code == "invalid-configuration"
    assert "sk-very-secret" not in str(caught.value).lower() + caught.value.message.lower()
    assert caught.value.evidence.value is None


async def test_an_exported_graph_asks_as_langgraph_does(tmp_path: Path) -> None:
    ask = {"id": "ask", "type": "human", "config": {"title": "Ship {{input.n}}?"}}
    nodes = [ask, template("end", "{{ask.output.choice}}", depends_on=["ask"])]
    script = tmp_path / "graph.py"
    script.write_text(compiled({"nodes": nodes}).exported())
    graph = runpy.run_path(str(script))["builder"].compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t"}}
    state = {"input": {"n": 3}, "variables": {}, "outputs": {}}
    asked = await graph.ainvoke(state, thread, context=Host())
    (interrupt,) = asked["__interrupt__"]
    assert (interrupt.value["kind"], interrupt.value["title"]) == ("human", "Ship 3?")
    done = await graph.ainvoke(Command(resume="approve"), thread, context=Host())
    assert done["outputs"]["end"] == {"text": "approve"}
    command = [sys.executable, str(script), '{"n": 3}']
    alone = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (alone.returncode, "waits for an answer" in alone.stderr) == (1, True)


async def test_an_exported_graph_waits_for_signals_as_langgraph_does() -> None:
    nodes = [{"id": "w", "type": "wait", "config": {"any": ["paid", "cancelled"]}}]
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(compiled({"nodes": nodes}).exported(), "exported.py", "exec"), module)
    graph = module["builder"].compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t"}}
    state = {"input": {}, "variables": {}, "outputs": {}}
    asked = await graph.ainvoke(state, thread, context=Host())
    assert asked["__interrupt__"][0].value["signal"] == "paid"
    done = await graph.ainvoke(Command(resume={"sum": 5}), thread, context=Host())
    assert (done["outputs"]["w"]["signal"], done["outputs"]["w"]["data"]) == ("paid", {"sum": 5})


class Unlucky(Node):
    """Note what it read, and fail the first time."""

    type: ClassVar = "unlucky"
    read: str

    async def run(self, context: Context) -> str:
        context.service(list).append(self.read)
        if len(context.service(list)) == 1:
            raise NodeError("not-now", "not now")
        return self.read


@pytest.mark.parametrize("is_kept", [True, False], ids=["checkpointer", "none"])
async def test_a_node_that_runs_again_reads_the_same_time_and_random_values(
    is_kept: bool, tmp_path: Path
) -> None:
    read = "{{now()}} {{uuid()}} {{random()}}"
    nodes = [
        template("first", read),
        {"id": "a", "type": "unlucky", "depends_on": ["first"], "config": {"read": read}},
        template("last", read, depends_on=["a"]),
    ]
    script = tmp_path / "graph.py"
    script.write_text(compiled({"nodes": nodes}, Unlucky).exported())
    builder = runpy.run_path(str(script))["builder"]
    graph = builder.compile(checkpointer=InMemorySaver() if is_kept else None)
    thread: Any = {"configurable": {"thread_id": "t"}}
    start, seen = {"input": {}, "variables": {}, "outputs": {}}, list[str]()
    host = Host(services={list: seen})
    before = datetime.now(UTC)
    with pytest.raises(NodeError):
        await graph.ainvoke(start, thread, context=host)
    done = await graph.ainvoke(None if is_kept else start, thread, context=host)
    first, again = seen
    assert (first == again) is is_kept
    values = [done["outputs"]["first"]["text"], again, done["outputs"]["last"]["text"]]
    assert len({value for text in values for value in text.split()}) == 9
    moments = [datetime.fromisoformat(text.split()[0]) for text in values]
    assert before <= moments[0] < moments[1] < moments[2] <= datetime.now(UTC)
