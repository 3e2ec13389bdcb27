"""The wheel carries types: a user's file that is checked strictly against it has no errors."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

from fakes.places import ROOT
from house.sources import ROOTS

USERS_FILE = '''
from typing import Any, ClassVar

from flowc.compiler import CompiledWorkflow, Diagnostic, Registry, check_workflow, compile_workflow
from flowc.compiler import read_text
from flowc.compiler.node import Context, Node


class Shout(Node):
    """Write a text in capitals."""

    type: ClassVar = "shout"
    outputs: ClassVar = frozenset({"text"})
    text: str

    async def run(self, context: Context) -> dict[str, Any]:
        return {"text": self.text.upper()}


document = read_text("nodes: [{id: a, type: shout, config: {text: hello}}]")
registry = Registry([*Registry.installed(), Shout])
found: list[Diagnostic] = check_workflow(document, registry)
compiled: CompiledWorkflow = compile_workflow(document, registry)
reveal_type(Shout(text="a").text)
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    env = {**os.environ, "HATCH_BUILD_NO_HOOKS": "true"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a fresh environment that sees what is installed here."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def test_each_of_the_four_packages_says_that_it_is_typed(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        assert {f"flowc/{root}/py.typed" for root in ROOTS} <= set(archive.namelist())


def test_the_installed_package_is_the_one_in_the_wheel(python: Path) -> None:
    script = "import flowc.compiler; print(flowc.compiler.__file__)"
    command = [str(python), "-P", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert str(python.parent.parent) in done.stdout


def test_a_users_file_has_no_errors_in_strict_mypy(python: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(USERS_FILE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "own.py"]
    command += ["--python-executable", str(python)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Success" in done.stdout, done.stdout + done.stderr
    assert 'Revealed type is "str"' in done.stdout
