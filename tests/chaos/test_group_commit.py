"""A process may be killed while it commits what several runs did: each of them is completed."""

import re
import subprocess
import sys

import pytest

from chaos.crowd import LEAST, POINTS
from fakes.places import TESTS


@pytest.mark.parametrize("other", ["--no-postgres", "--no-sqlite"], ids=["sqlite", "postgres"])
def test_a_kill_within_a_group_commit_loses_no_run_and_repeats_nothing_stored(other: str) -> None:
    # One kill at each point, of a process that works on eight runs.
    command = [sys.executable, "-m", "chaos", "--seed", "7", "--shape", "crowd", "--share", "0"]
    command += ["--granularity", "auto", other]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    report = re.search(r"crowd, auto: (\d+) survived, (\d+) runs or more in each", done.stdout)
    assert report is not None, done.stdout
    survived, fewest = map(int, report.groups())
    assert survived == len(POINTS)
    assert fewest >= LEAST
