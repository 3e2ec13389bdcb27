"""The values of `env` on a server and on the command line: variables, the file, tenants."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.command import flowc_here
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.process_services import ProcessServices, SettingsRefused
from flowc.server.settings import Settings

WORKFLOW = {
    "env": {"REGION": "none", "SIZE": 1, "BASE": None},
    "nodes": [{"id": "a", "type": "template", "config": {"template": "{{env.REGION}} {{env.SIZE}} {{env.BASE}}"}}],
}  # fmt: skip


def workflow_in(folder: Path) -> str:
    file = folder / "flow.json"
    file.write_text(json.dumps(WORKFLOW))
    return str(file)


def test_the_command_line_reads_variables_and_the_file(tmp_path: Path) -> None:
    values = tmp_path / "env.yaml"
    values.write_text("REGION: eu\nSIZE: 5\n")
    done = flowc_here(
        "run",
        workflow_in(tmp_path),
        "--json",
        FLOWC_ENV_FILE=str(values),
        FLOWC_ENV_BASE="b",
        FLOWC_ENV_SIZE="7",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["output"]["text"] == "eu 7 b"


def test_a_value_that_must_be_set_is_reported_before_a_run(tmp_path: Path) -> None:
    done = flowc_here("check", "--env", "--json", workflow_in(tmp_path))
    found = [
        each for each in json.loads(done.stdout)["diagnostics"] if each["code"] == "missing-env"
    ]
    assert [each["hint"] for each in found] == [
        "export FLOWC_ENV_BASE=…, or give it a default in `env`."
    ]


async def test_each_tenant_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = tmp_path / "env.yaml"
    values.write_text("REGION: eu\ntenants: {acme: {REGION: us}}\n")
    monkeypatch.setenv("FLOWC_ENV_SIZE", "3")
    services = ProcessServices(Settings(env_file=values, data_dir=tmp_path))
    try:
        found: dict[str, Any] = {
            name: dict(services.env(name)) for name in (DEFAULT_TENANT, "acme", "other")
        }
    finally:
        await services.aclose()
    assert found == {
        DEFAULT_TENANT: {"SIZE": "3", "REGION": "eu"},
        "acme": {"REGION": "us"},
        "other": {},
    }


@pytest.mark.parametrize("text", ["- a\n", "A: [1]\n", "tenants: 3\n", "tenants: {a: 1}\n"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    values = tmp_path / "env.yaml"
    values.write_text(text)
    with pytest.raises(SettingsRefused, match=r"env\.yaml"):
        ProcessServices(Settings(env_file=values, data_dir=tmp_path))
