"""With each extra, flowc imports, works, and says in one sentence what is not installed."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fakes.places import MODELS, ROOT, TESTS, WORKFLOWS
from fakes.processes import PATIENCE
from flowc.compiler.extras import EXTRAS
from flowc.compiler.node import NodeError
from flowc.compiler.running.failures import as_node_error

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SUPPORT = str(WORKFLOWS / "customer_support.yaml")
RUN = ["run", SUPPORT, "--input", '{"message": "A technical problem."}']
# Without PostgreSQL, a worker ends when it has read its settings.
WORKER = "Workers need PostgreSQL"


def flowc_with(extras: list[str], folder: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Return the status and the output of commands where only these extras are installed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
    env |= {"FLOWC_MODELS_FILE": str(MODELS), "FLOWC_DATA_DIR": str(folder / "data")}
    # With a key, nothing but the package is needed to call a model.
    env |= {"OPENAI_API_KEY": "sk-test"}
    paths = [str(TESTS), env.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "fakes.extras", json.dumps(extras), json.dumps(commands)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=folder,
        env={**env, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert done.returncode == 0, done.stderr
    return [(status, shown) for status, shown in json.loads(done.stdout)]


def definition(folder: Path, *nodes: dict[str, Any]) -> str:
    file = folder / "flow.json"
    file.write_text(json.dumps({"nodes": list(nodes)}))
    return str(file)


NODES: tuple[dict[str, Any], ...] = (
    {"id": "ask", "type": "llm", "config": {"prompt": "Hi", "model": "openai/gpt-4o"}},
    {"id": "cut", "type": "chunk", "config": {"text": "a"}},
    {"id": "find", "type": "retrieve", "config": {"collection": "c", "query": "q"}},
    {"id": "scan", "type": "ocr", "config": {"url": "https://example.com/a.pdf"}},
)


def needed(shown: str) -> list[str]:
    """Return the commands that a report says install what is missing."""
    return re.findall(r"hint: (pip install .*)", shown)


def install(extra: str) -> str:
    return f"pip install 'flowc[{extra}]'"


def test_without_extras_definitions_are_checked_drawn_and_run(tmp_path: Path) -> None:
    helped, checked, drawn, run = flowc_with(
        [], tmp_path, ["--help"], ["check", SUPPORT], ["graph", SUPPORT], RUN
    )
    assert [helped[0], checked[0], drawn[0], run[0]] == [0, 0, 0, 0]
    assert "The definition is valid." in checked[1] and "flowchart" in drawn[1]
    assert "23 tokens in 2 model call(s)" in run[1]


def test_without_extras_nodes_and_commands_name_what_they_need(tmp_path: Path) -> None:
    lone = str(Path(definition(tmp_path, NODES[1])).rename(tmp_path / "lone.json"))
    file = definition(tmp_path, *NODES)
    commands = (["serve"], ["worker"], ["runs", "list"], ["ingest", file, "--collection", "c"])
    checked, refused, *others = flowc_with(
        [], tmp_path, ["check", "--env", file], ["run", lone], *commands
    )
    assert checked[0] == 2
    assert needed(checked[1]) == [install(each) for each in ("models", "documents", "rag", "ocr")]
    assert refused[0] == 2 and needed(refused[1]) == [install("documents")]
    assert "The extra 'documents' is not installed: there is no" in refused[1]
    for status, shown in others[:3]:
        assert status == 2 and shown.count("\n") == 1
        assert shown.startswith("flowc: The extra 'server' is not installed: there is no ")
        assert shown.endswith(f". Install it: {install('server')}\n")
    assert others[3][0] == 2 and install("rag,server") in others[3][1]


@pytest.mark.parametrize(
    ("extra", "missing"),
    [
        ("server", ("documents", "rag", "ocr")),
        ("documents", ("rag", "ocr")),
        ("rag", ("ocr",)),
        ("ocr", ("rag",)),
    ],
)
def test_with_an_extra_the_others_are_named(
    extra: str, missing: tuple[str, ...], tmp_path: Path
) -> None:
    file = definition(tmp_path, *NODES)
    helped, run, checked, worker = flowc_with(
        [extra], tmp_path, ["--help"], RUN, ["check", "--env", file], ["worker"]
    )
    assert helped[0] == run[0] == 0
    assert needed(checked[1]) == [install(each) for each in missing]
    assert (WORKER in worker[1]) == (extra == "server")


def test_a_node_that_misses_a_package_in_a_run_names_the_extra() -> None:
    problem = ModuleNotFoundError("No module named 'numpy'", name="numpy")
    found = as_node_error(problem, "cut", "chunk")
    assert isinstance(found, NodeError) and found.code == "missing-extra"
    assert install("documents") in found.message
    other = as_node_error(ModuleNotFoundError(name="mine"), "own", "own")
    assert other.code == "node-broke"


def dependencies(extra: str) -> set[str]:
    found = {re.split(r"[\[<>=!;]", each)[0] for each in PROJECT["optional-dependencies"][extra]}
    return found - {"flowc"}


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_packages_of_extras_are_those_of_the_project(extra: str) -> None:
    files: dict[str, set[str]] = {}
    for name in dependencies(extra):
        try:
            found = distribution(name)
        except ModuleNotFoundError:
            # For other versions of Python, or other systems.
            assert name == "pysqlite3-binary"
            continue
        files[name] = {str(found.locate_file(each)) for each in found.files or ()}
    provided = set()
    for module in EXTRAS[extra]:
        spec = find_spec(module)
        assert spec is not None and spec.origin is not None
        owners = {name for name, each in files.items() if spec.origin in each}
        assert len(owners) == 1, f"{module} is not in the extra {extra!r}"
        provided |= owners
    # Servers run without it, only more slowly.
    assert set(files) - provided <= {"uvloop"}
