"""A share of `make chaos`: a run ends the same whether or not its process is killed on the way."""

import subprocess
import sys

import pytest

from fakes.places import TESTS


@pytest.mark.parametrize(
    "options",
    [
        ["--no-postgres", "--share", "0.03", "--shape", "approval", "--shape", "signal"],
        ["--no-postgres", "--share", "0.025", "--shape", "map", "--shape", "timer"],
        ["--no-sqlite", "--share", "0.025", "--shape", "two approvals"],
        ["--no-postgres", "--share", "0.03", "--shape", "paths of unequal length"],
    ],
    ids=["people", "items and time", "postgres", "regions"],
)
def test_a_run_whose_process_is_killed_is_completed_by_another(options: list[str]) -> None:
    # In a process without other threads, since it forks.
    command = [sys.executable, "-m", "chaos", "--seed", "20", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 not" in done.stdout
