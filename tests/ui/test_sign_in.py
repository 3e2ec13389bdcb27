"""People sign in to the pages at an OpenID provider, in a real browser."""

from pathlib import Path

from fakes.openid import provider, variables
from fakes.processes import serving
from ui.node_tests import browser_environment, files_of_tests, require_ui, run_node


def test_people_sign_in_at_a_provider(tmp_path: Path) -> None:
    require_ui(browser=True)
    [path] = files_of_tests("sign-in")
    with provider() as acme:
        settings = {**acme.settings, "auth": "on", "oidc_sign_out": "provider"}
        with serving(tmp_path / "data", variables(settings)) as (client, _):
            url = str(client.base_url).rstrip("/")
            environment = {
                **browser_environment(url, tmp_path / "data"),
                "FLOWC_PROVIDER": acme.url,
            }
            run_node("--test", "--test-reporter=spec", str(path), env=environment)
