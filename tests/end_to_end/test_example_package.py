"""A package of a user's own brings a node type: as its page says, installed and used."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.pages import Block, blocks, commands, is_as_shown
from fakes.places import ROOT, TESTS
from fakes.processes import PATIENCE

PACKAGE = TESTS / "example_package"
PAGE = ROOT / "nodes" / "docs" / "writing-a-node-type.md"
PIP = "pip install -e .\n"
# As the page has it, but without the network and without a trace in the environment of the tests.
OFFLINE = (
    '"$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation'
    ' --no-index --target "$INSTALLED" .\n'
)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package, so that what is built does not end up among the tests."""
    return shutil.copytree(PACKAGE, tmp_path_factory.mktemp("package") / "flowc-iban")


def _run(command: str, package: Path) -> str:
    installed = package.parent / "installed"
    binaries, paths = str(Path(sys.executable).parent), [*sys.path, str(installed)]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHON": sys.executable,
        "INSTALLED": str(installed),
    }
    done = subprocess.run(
        ["sh", "-c", command.replace(PIP, OFFLINE)],
        cwd=package,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in {0, 2}, done.stdout
    return done.stdout


def test_the_commands_of_the_page_work_in_order(package: Path) -> None:
    for command, shown in commands(PAGE):
        printed = _run(command, package)
        assert not shown or is_as_shown(printed, shown), printed
        assert "pytest" not in command or " passed" in printed


def _is_of_package(block: Block) -> bool:
    """Whether it is no example of a class with `execute`: `test_step_classes` runs that one."""
    return block.language in {"python", "toml"} and "get_schema" not in block.text


@pytest.mark.parametrize("block", [block for block in blocks(PAGE) if _is_of_package(block)])
def test_the_code_on_the_page_is_the_package_s(block: Block) -> None:
    files = [path.read_text() for path in PACKAGE.iterdir() if path.suffix in {".py", ".toml"}]
    assert any(_lines(block.text) in _lines(text) for text in files), block.text


def _lines(text: str) -> str:
    """Return the lines without indentation, since a page shows methods by themselves."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def test_without_the_package_the_type_is_unknown() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowc.server", "check", str(PACKAGE / "payment.yaml")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown-node-type" in done.stderr
