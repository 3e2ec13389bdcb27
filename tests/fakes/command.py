"""Runs the `flowc` command in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fakes.processes import PATIENCE


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
