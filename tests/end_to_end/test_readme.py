"""The README, pasted in order into a shell in a fresh clone, works and prints what it shows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.pages import Block, blocks, is_as_shown
from fakes.places import ROOT
from fakes.processes import PATIENCE, free_port, until

README = ROOT / "README.md"
SERVE = "make serve"
ADDRESS = "127.0.0.1:8000"
# Lines that reach the network; the tests have what they would install, or do without.
SKIPPED = ("pip install jupyterlab", "jupyter lab notebooks")
SOURCES = ("compiler", "nodes", "rag", "server")
NOT_IN_A_CLONE = (".venv", ".git", ".*cache", "__pycache__", ".hypothesis", "build", "flowc-data")


class Shell:
    """One shell, into which blocks of commands are pasted."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def paste(self, commands: str) -> str:
        """Run commands, and return what they print."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.write(f"{commands}\nprintf '\\nPASTED\\n'\n")
        self._bash.stdin.flush()
        lines = iter(self._bash.stdout.readline, "PASTED\n")
        return "".join(line for line in lines if self._bash.poll() is None)

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository as a clone has it, set up with the packages of the tests."""
    clone = tmp_path_factory.mktemp("readme") / "flowc"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
    (clone / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (clone / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    # `make setup` has nothing left to install.
    (clone / ".venv" / ".ready").touch()
    return clone


@pytest.fixture(scope="module")
def port() -> int:
    """Choose another port than the README's, which may be in use."""
    return free_port()


@pytest.fixture(scope="module")
def environment(clone: Path, port: int) -> dict[str, str]:
    """Return the environment of a user who has just cloned the repository."""
    # A make that runs the tests would tell the one in the shell that it is called by another.
    foreign = ("FLOWC_", "MAKE", "MFLAGS")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    paths = os.pathsep.join(str(clone / source) for source in SOURCES)
    server = f"http://127.0.0.1:{port}"
    return {**own, "PYTHONPATH": paths, "FLOWC_SERVER_URL": server, "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def shell(clone: Path, environment: dict[str, str]) -> Iterator[Shell]:
    shell = Shell(clone, environment)
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def another_terminal(clone: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    """Run `make serve` until the tests are over."""
    command = [*SERVE.split(), f"PORT={port}"]
    with (clone.parent / "serve.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=clone, env=environment, stdout=log, stderr=log)
    until(lambda: _answers(port))
    yield
    server.terminate()
    server.wait(timeout=PATIENCE)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _pasted(block: Block, shell: Shell, port: int) -> str:
    if block.language == "python":
        return shell.paste(f"python - <<'END'\n{block.text}END\n")
    lines = [line for line in block.text.splitlines() if line not in SKIPPED]
    return shell.paste("\n".join(lines).replace(ADDRESS, f"127.0.0.1:{port}"))


@pytest.mark.usefixtures("another_terminal")
def test_it_works_pasted_in_order(shell: Shell, port: int) -> None:
    printed = ""
    for block in blocks(README):
        if block.language == "text":
            assert is_as_shown(printed, block.text), printed
        elif block.text.strip() != SERVE:
            printed = _pasted(block, shell, port)
            assert not re.search(r"(?i)command not found|no such|usage:", printed), printed


def test_what_is_skipped_is_in_it() -> None:
    lines = README.read_text().splitlines()
    assert {SERVE, *SKIPPED} <= set(lines)
    assert {block.language for block in blocks(README)} == {"sh", "text", "python"}


@pytest.mark.usefixtures("another_terminal")
def test_the_address_of_the_api_s_page_is_right(port: int) -> None:
    [page] = re.findall(rf"<http://{ADDRESS}(/[^>]*docs)>", README.read_text())
    assert httpx.get(f"http://127.0.0.1:{port}{page}", trust_env=False).is_success
