"""The files of server/deployment, and the tools that `make deployment-tools` installs to check them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from fakes.places import ROOT
from fakes.processes import PATIENCE
from flowc.server.cli import app
from flowc.server.settings import Settings

DEPLOYMENT = ROOT / "server" / "deployment"
TOOLS = ROOT / "build" / "deployment-tools"
SETTINGS = {f"FLOWC_{name.upper()}" for name in Settings.model_fields}


def tool(name: str) -> Path:
    """Return the path of a tool; skip the test without it."""
    found = TOOLS / name
    if not found.exists():
        pytest.skip(f"there is no {name}: run `make deployment-tools`")
    return found


def run_tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run(tool(name), *arguments)


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        input=stdin,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def read(path: str) -> Any:
    return yaml.safe_load((DEPLOYMENT / path).read_text())


def require_command(arguments: list[str]) -> None:
    """Fail unless the words are a command of `flowc` with options that it has."""
    command: Any = typer.main.get_command(app)
    words = list(arguments)
    while hasattr(command, "list_commands"):
        command = command.get_command(None, words.pop(0))
        assert command is not None, arguments
    # Raises a usage error.
    command.make_context(arguments[0], words)
