"""The import contracts are a complete map: a file in a new place fails them."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from fakes.places import ROOT
from house.sources import ROOTS


def lint_imports(folder: Path) -> str:
    """Check the contracts of a copy of the sources, and return the report."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    paths = os.pathsep.join(str(folder / root) for root in ROOTS)
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_a_module_that_no_contract_lists_is_reported(tmp_path: Path) -> None:
    for root in ROOTS:
        shutil.copytree(ROOT / root / "flowc", tmp_path / root / "flowc")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    mapped = [
        c for entry in settings["contracts"] if entry.get("exhaustive") for c in entry["containers"]
    ]
    for container in mapped:
        folder = tmp_path / container.split(".")[1] / container.replace(".", "/")
        (folder / "unlisted.py").write_text('"""A module in a new place."""\n')
    report = lint_imports(tmp_path)
    assert {f"flowc.{root}" for root in ROOTS} <= set(mapped)
    for container in mapped:
        assert f"{container}.unlisted" in report
