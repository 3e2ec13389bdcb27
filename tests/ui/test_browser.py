"""People use the pages in a real browser, on a real server."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from fakes.places import ROOT
from fakes.processes import PATIENCE, Process, new_database, serving, start
from ui.node_tests import UI, browser_environment, files_of_tests, require_ui, run_node

FILES = files_of_tests("browser")
STORY = UI / "tests" / "browser" / "story.test.ts"


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_in_the_browser(path: Path, tmp_path: Path) -> None:
    require_ui(browser=True)
    with serving(tmp_path / "data", _environment()) as (client, _):
        _run(path, str(client.base_url), tmp_path / "data")


def test_the_whole_story_on_postgresql_with_two_workers(postgres: str, tmp_path: Path) -> None:
    require_ui(browser=True)
    env = {**_environment(), **new_database(postgres)}
    with ExitStack() as stack:
        client, _ = stack.enter_context(serving(tmp_path / "data", env, "--no-worker"))
        for name in ("one", "two"):
            worker = start(tmp_path / name, ["worker"], env)
            stack.callback(_end, worker)
        _run(STORY, str(client.base_url), tmp_path / "data")


def _environment() -> dict[str, str]:
    return {
        "FLOWC_AUTH": "on",
        "FLOWC_MODELS_FILE": str(ROOT / "notebooks" / "workflows" / "models.yaml"),
        "FLOWC_SEALING_KEYS": Fernet.generate_key().decode(),
        # Where nothing answers, so that what is delivered there fails.
        "FLOWC_EGRESS_ALLOW": "127.0.0.1:9",
    }


def _run(path: Path, url: str, data: Path) -> None:
    environment = browser_environment(url.rstrip("/"), data)
    run_node("--test", "--test-reporter=spec", str(path), env=environment)


def _end(process: Process) -> None:
    process.terminate()
    process.wait(timeout=PATIENCE)
