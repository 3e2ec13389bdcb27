"""The API is as its description says, whatever is sent to it: schemathesis, in three roles."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import serving

API = "/api/v1"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A server with access control, and the ids of what it has for the paths of operations."""
    folder = tmp_path_factory.mktemp("described")
    with serving(folder / "d", {"FLOWC_AUTH": "on"}) as (api, _):
        key = (folder / "d" / "admin-key").read_text().strip()
        api.headers["authorization"] = f"Bearer {key}"
        ids = _furnish(api)
        lines = [f'"path.{name}" = {json.dumps(value)}' for name, value in ids.items()]
        config = folder / "schemathesis.toml"
        config.write_text("\n".join(["[parameters]", *lines, ""]))
        yield api, config


def _furnish(api: httpx.Client) -> dict[str, Any]:
    say = {"nodes": [{"id": "say", "type": "template", "config": {"template": "x"}}]}
    ask = {"nodes": [{"id": "ask", "type": "human"}]}
    for name, definition in (("say", say), ("ask", ask)):
        _made(api, "/workflows", {"id": name, "definition": definition})
    _made(api, "/workflows/ask/execute", {})
    # One that has ended: who watches another one waits for its end.
    run = _made(api, "/workflows/say/execute", {})
    thread = _made(api, "/threads", {"workflow_id": "say"})
    _made(api, "/knowledge/collections", {"name": "papers"})
    _made(api, "/schedules", {"id": "yearly", "workflow_id": "say", "cron": "0 3 1 1 *"})
    [asked] = api.get(f"{API}/interrupts").json()
    return {
        "workflow_id": "say",
        "run_id": run["id"],
        "interrupt_id": asked["id"],
        "thread_id": thread["id"],
        "schedule_id": "yearly",
        "response_id": f"resp_{run['id']}",
        "node": "say",
    }


def _made(api: httpx.Client, path: str, body: Any) -> Any:
    made = api.post(f"{API}{path}", json=body)
    assert made.is_success, made.text
    return made.json()


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_the_api_is_as_it_is_described(
    role: str, furnished: tuple[httpx.Client, Path], tmp_path: Path
) -> None:
    api, config = furnished
    key = _made(api, "/keys", {"name": role, "role": role})["key"]
    report = tmp_path / "report.json"
    command = [
        str(Path(sys.executable).with_name("st")),
        f"--config-file={config}",
        "run",
        f"{api.base_url}{API}/openapi.json".replace("//api", "/api"),
        f"--header=Authorization: Bearer {key}",
        f"--checks={','.join(CHECKS)}",
        "--max-examples=3",
        # A stream of events lasts as long as its run.
        "--exclude-name=GET /api/v1/runs/{run_id}/events",
        "--exclude-name=GET /api/v1/events",
        "--continue-on-failure",
        "--no-color",
        "--seed=1",
        f"--report-json-path={report}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text())
    assert (found["failures"], found["errors"]) == ([], []), done.stdout
    assert found["operations"]["tested"] == found["operations"]["selected"] > 80
    assert found["test_cases"]["generated"] > 1_000
