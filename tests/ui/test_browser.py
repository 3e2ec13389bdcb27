"""People use the pages in a real browser, on a real server."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from fakes.places import ROOT
from fakes.processes import serving
from ui.node_tests import browser_environment, files_of_tests, require_ui, run_node

FILES = files_of_tests("browser")


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_in_the_browser(path: Path, tmp_path: Path) -> None:
    require_ui(browser=True)
    data = tmp_path / "data"
    env = {
        "FLOWC_AUTH": "on",
        "FLOWC_MODELS_FILE": str(ROOT / "notebooks" / "workflows" / "models.yaml"),
        "FLOWC_SEALING_KEYS": Fernet.generate_key().decode(),
        # Where nothing answers, so that what is delivered there fails.
        "FLOWC_EGRESS_ALLOW": "127.0.0.1:9",
    }
    with serving(data, env) as (client, _):
        environment = browser_environment(str(client.base_url).rstrip("/"), data)
        run_node("--test", "--test-reporter=spec", str(path), env=environment)
