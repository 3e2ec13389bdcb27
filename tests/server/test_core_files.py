"""A server that crashes leaves no core file, where its secrets would be."""

import resource
import signal
import sys
from pathlib import Path

import pytest

from fakes.processes import PATIENCE, serving


@pytest.mark.skipif(sys.platform != "linux", reason="reads the limits of a process in /proc")
def test_a_server_that_crashes_writes_no_core_file(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("core files are forbidden here anyway")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with serving(tmp_path / "d") as (_, process):
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            assert limits.split("Max core file size")[1].split()[0] == "0"
            process.send_signal(signal.SIGABRT)
            assert process.wait(PATIENCE) == -signal.SIGABRT
            assert not [each for each in Path.cwd().glob("core*") if each.is_file()]
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
