"""The version is the same wherever it appears."""

import tomllib
from importlib.metadata import version

from fakes.places import ROOT


def test_the_project_the_installed_package_and_the_api_have_one_version() -> None:
    from flowc.server.app import create_app  # It takes seconds to import.

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version("flowc") == project
    assert create_app().openapi()["info"]["version"] == project
