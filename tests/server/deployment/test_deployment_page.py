"""The page for operators names extras, commands, values and settings that there are."""

import re
import shlex
import tomllib

import yaml

from fakes.deployment import DEPLOYMENT, SETTINGS, require_command
from fakes.places import ROOT

PAGE = (ROOT / "server" / "docs" / "deployment.md").read_text()


def commands(program: str) -> list[list[str]]:
    """Return the arguments of each call of a program in the blocks of the page."""
    blocks = "\n".join(re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    found = re.findall(rf"(?:^|[\s(]){program} ([^)\n#>]*)", blocks, re.MULTILINE)
    return [shlex.split(each.replace('"', "")) for each in found]


def test_the_table_has_all_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"^\| `flowc\[([a-z,]+)\]` \| \d+ \|", PAGE, re.MULTILINE)
    assert {name for each in named for name in each.split(",")} == set(
        project["optional-dependencies"]
    )


def test_its_commands_are_those_of_flowc() -> None:
    calls = [each for each in commands("flowc") if each[0] in {"keys", "secrets"}]
    assert len(calls) >= 3
    for call in calls:
        require_command(call)


def test_it_sets_values_that_the_chart_has() -> None:
    values = yaml.safe_load((DEPLOYMENT / "helm" / "flowc" / "values.yaml").read_text())
    [upgrade] = commands("helm")
    given = [each.split("=")[0] for each in upgrade if "=" in each]
    assert len(given) == 3
    for path in [*given, "worker.autoscaling", "networkPolicy.from"]:
        at = values
        for part in path.split("."):
            assert part in at, path
            at = at[part]


def test_its_settings_are_those_of_the_server() -> None:
    own = {"FLOWC_LISTEN_HOST", "FLOWC_LISTEN_PORT"}
    assert set(re.findall(r"\bFLOWC_[A-Z_]+", PAGE)) <= SETTINGS | own


def test_its_files_are_there() -> None:
    for path in set(re.findall(r"server/deployment/[\w./-]+", PAGE)):
        assert (ROOT / path.rstrip("/.")).exists(), path
