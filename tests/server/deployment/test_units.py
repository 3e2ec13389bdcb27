"""The units are as systemd wants them, and keep the processes away from what they do not need."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from fakes.deployment import DEPLOYMENT, SETTINGS, require_command, run

UNITS = sorted((DEPLOYMENT / "systemd").iterdir())
BY_UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
# By systemd's own reckoning: 10 is a process that may do everything.
MOST_EXPOSED = 2.0


def values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


@needs_systemd
@BY_UNIT
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    # The program must be there, but nothing runs it.
    text = unit.read_text().replace("/opt/flowc/bin/flowc", sys.executable)
    good, bad = tmp_path / unit.name, tmp_path / f"bad-{unit.name}"
    good.write_text(text)
    done = run(str(ANALYZE), "verify", good)
    assert (done.returncode, done.stderr) == (0, "")
    bad.write_text(text.replace("Restart=always", "Restart=sometimes"))
    assert "restart specifier" in run(str(ANALYZE), "verify", bad).stderr


@needs_systemd
@BY_UNIT
def test_systemd_calls_them_little_exposed(unit: Path) -> None:
    done = run(str(ANALYZE), "--offline=true", "security", unit)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


@BY_UNIT
def test_they_start_commands_of_flowc_with_settings_that_it_has(unit: Path) -> None:
    [started] = values(unit, "ExecStart")
    given = dict(each.split("=") for line in values(unit, "Environment") for each in line.split())
    program, *words = started.split()
    assert program == "/opt/flowc/bin/flowc"
    require_command([given.get(word.strip("${}"), word) for word in words])
    own = {"FLOWC_LISTEN_HOST", "FLOWC_LISTEN_PORT", "PYTHONUNBUFFERED"}
    assert set(given) <= SETTINGS | own
    [folder] = values(unit, "StateDirectory")
    assert given["FLOWC_DATA_DIR"] == f"/var/lib/{folder}"


def test_the_two_differ_only_in_what_they_start() -> None:
    server, worker = (set(unit.read_text().splitlines()) for unit in reversed(UNITS))
    assert len(UNITS) == 2
    assert all(
        re.match(r"Description|After|Exec|Environment|State|Working|#|Default", each)
        for each in server ^ worker
    )
