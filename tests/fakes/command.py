"""Runs the `flowc` command, in a process of its own or in this one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fakes.processes import PATIENCE
from flowc.server.cli import app


def flowc(*arguments: str | Path, stdin: str = "", **environment: str) -> Any:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
    return subprocess.run(
        [sys.executable, "-m", "flowc.server", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**env, **environment},
    )


def flowc_here(*arguments: str | Path, stdin: str = "", **environment: str) -> Any:
    """Run a command in this process; what it imports stays loaded for the next one."""
    others = {name: None for name in os.environ if name.startswith("FLOWC_")}
    words, env = list(map(str, arguments)), {**others, **environment}
    done = CliRunner().invoke(app, words, input=stdin, env=env, prog_name="flowc")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)
