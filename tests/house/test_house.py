"""The house is as it is described."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fakes.places import DEFINITIONS, ROOT

SOURCES = ("compiler", "nodes", "rag", "server")


def _modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_checking_a_definition_loads_no_engine() -> None:
    loaded = _modules_after("from flowc.compiler import check_workflow, read_text, Registry")
    assert not {"langgraph", "langchain_core", "litellm", "chromadb"} & loaded


def test_the_node_types_load_no_model_library() -> None:
    loaded = _modules_after("import flowc.nodes")
    assert not {"langgraph", "litellm", "chromadb", "pydantic_monty", "asteval"} & loaded
    # What calls need comes with the first call: of a service, of a model, for documents.
    assert not {"httpx", "httpcore", "opentelemetry", "tenacity", "numpy", "jsonschema"} & loaded


def test_a_command_loads_only_its_own_modules() -> None:
    file = str(DEFINITIONS / "customer-support-complete.yaml")
    check = f"app(['check', {file!r}], standalone_mode=False)"
    loaded = _modules_after(f"from flowc.server.cli import app\n{check}")
    assert not {"rich", "httpx", "sqlalchemy", "jsonschema", "pydantic_settings"} & loaded


def test_the_server_loads_only_what_its_first_request_needs() -> None:
    loaded = _modules_after("import flowc.server.app")
    documents = {"numpy", "chromadb", "tiktoken", "wordllama", "pypdf"}
    assert not {"litellm", "openai", "mcp", "alembic", "redis", "psycopg_pool"} & loaded
    assert not documents & loaded


def test_a_run_on_this_machine_loads_no_database() -> None:
    loaded = _modules_after("import flowc.server.cli.local_run")
    assert not {"sqlalchemy", "psycopg", "dbos", "litellm", "numpy"} & loaded


def test_the_namespace_has_no_init_file() -> None:
    for name in SOURCES:
        assert not (ROOT / name / "__init__.py").exists()
        assert not (ROOT / name / "flowc" / "__init__.py").exists()


def test_every_folder_says_what_it_is() -> None:
    for name in SOURCES:
        assert len((ROOT / name / "README.md").read_text().splitlines()) > 10


@pytest.mark.parametrize("name", SOURCES)
def test_no_file_is_longer_than_400_lines(name: str) -> None:
    long = {
        p.name: n
        for p in (ROOT / name).rglob("*.py")
        if (n := len(p.read_text().splitlines())) > 400
    }
    assert not long


def test_the_lock_names_a_hash_for_each_requirement_and_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE)
    assert len(pinned) > 100
    assert "://" not in lock
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_lock_has_what_the_project_asks_for_and_no_poisoned_release() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=!;]", requirement)[0]
        assert f"\n{name}==" in f"\n{lock}" or f"\n{name}[" in f"\n{lock}", name
    assert "litellm==1.82.7" not in lock
    assert "litellm==1.82.8" not in lock


def test_no_installed_package_runs_code_at_every_start() -> None:
    import sysconfig

    known = {"_flowc.pth", "distutils-precedence.pth", "_virtualenv.pth", "a1_coverage.pth"}
    found = {path.name for path in Path(sysconfig.get_path("purelib")).glob("*.pth")}
    assert found <= known
