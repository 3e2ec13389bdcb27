"""Turns of loops, places of maps and variables that last outlive `kill -9` of their process."""

import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import loopback
from fakes.processes import PATIENCE, serving, until
from fakes.runs_api import API, ended, events_of


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_after_kill_9_a_loop_goes_through_the_turns_that_are_left(
    tmp_path: Path, granularity: str
) -> None:
    killed = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        # The process of the second turn ends while it waits.
        if len(service.requests) == 2:
            killed.wait(PATIENCE)
        return loopback.reply_json({})

    with loopback.serving(answer) as service:
        call = {"url": service.url, "method": "POST", "body": {"n": "{{variables.n}}"}}
        definition: dict[str, Any] = {
            "settings": {"granularity": granularity},
            "variables": {"n": {"scope": "workflow", "type": "integer", "default": 0}},
            "nodes": [
                {"id": "begin", "type": "start"},
                {"id": "add", "type": "set", "config": {"variables": {"n": "{{variables.n + 1}}"}}},
                {"id": "call", "type": "http", "config": call},
                {
                    "id": "more",
                    "type": "conditional",
                    "config": {"condition": "{{variables.n}} < 100", "true_edge": "add"},
                    "on_error": {"goto": "done"},
                },
                {"id": "done", "type": "template", "config": {"template": "{{variables.n}}"}},
            ],
            "edges": [
                {"source": "begin", "target": "add"},
                {"source": "add", "target": "call"},
                {"source": "call", "target": "more"},
                {"source": "more", "target": "add", "branch": "true", "max_turns": 4},
            ],
        }
        allow = f"127.0.0.1:{service.port}"
        env = {"FLOWC_EGRESS_ALLOW": allow, "FLOWC_TAKEOVER_SECONDS": "1"}
        with serving(tmp_path / "d", env) as (api, process):
            api.put(f"{API}/workflows/count", json=definition).raise_for_status()
            begun = api.post(f"{API}/workflows/count/execute", json={"wait": False}).json()
            try:
                until(lambda: len(service.requests) == 2)
                # What has finished is stored within milliseconds, and is not done once more.
                until(lambda: ("call", "node.completed") in _ends(api, begun["id"]))
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed.set()
        with serving(tmp_path / "d", env) as (api, _):
            done = ended(api, begun["id"])
            assert (done["status"], done["output"]) == ("completed", {"text": "4"})
            # The call of the second turn was cut off, and is made again; no turn is lost or added.
            assert [request.json["n"] for request in service.requests] == [1, 2, 2, 3, 4]
            assert done["error"] is None
            again = ended(api, api.post(f"{API}/workflows/count/execute", json={}).json()["id"])
            assert again["output"] == {"text": "8"}


def _ends(api: httpx.Client, run_id: str) -> list[tuple[str | None, str]]:
    return [(event["node_id"], event["kind"]) for event in events_of(api, run_id)]
