"""The time and random values of a node outlive `kill -9` of its process, and are those of a replay."""

import signal
import threading
from pathlib import Path
from typing import Any

from fakes import loopback
from fakes.processes import PATIENCE, serving, until
from fakes.runs_api import API, ended, events_of, require_orderly

STAMP = "{{now()}} {{uuid()}} {{random()}} {{[random(), random()]|random}}"


def test_a_node_that_runs_again_after_kill_9_and_in_a_replay_sends_the_same_values(
    tmp_path: Path, database: dict[str, str]
) -> None:
    killed = threading.Event()

    def echo(request: loopback.Request) -> loopback.Reply:
        # The first call is never answered: its process ends while it waits.
        killed.wait(PATIENCE)
        return loopback.reply_json(request.json)

    with loopback.serving(echo) as service:
        body = {"first": "{{first.output.text}}", "own": STAMP}
        call = {"url": service.url, "method": "POST", "body": body}
        nodes = [
            {"id": "first", "type": "template", "config": {"template": STAMP}},
            {"id": "slow", "type": "http", "depends_on": ["first"], "config": call},
            {
                "id": "last",
                "type": "end",
                "depends_on": ["slow"],
                "config": {"output": "{{slow.output.body}}"},
            },
        ]
        allow = f"127.0.0.1:{service.port}"
        env = {**database, "FLOWC_EGRESS_ALLOW": allow, "FLOWC_TAKEOVER_SECONDS": "1"}
        with serving(tmp_path / "d", env) as (api, process):
            asked = {"definition": {"nodes": nodes}, "wait": False}
            id = api.post(f"{API}/workflows/execute", json=asked).json()["id"]
            try:
                until(lambda: service.requests)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed.set()
        with serving(tmp_path / "d", env) as (api, _):
            done = ended(api, id)
            assert (done["status"], done["error"]) == ("completed", None)
            assert done["nodes"]["slow"]["runs"] == 2
            require_orderly(events_of(api, id))
            before, after = (request.json for request in service.requests)
            assert before == after == done["output"]
            # Each node has values of its own, all of them.
            texts = [text for stamp in before.values() for text in stamp.split()]
            assert len(set(texts)) == len(texts) == 8
            assert _sent_again(api, id, {}) == before
            assert _sent_again(api, id, {"from_node": "slow"}) == before


def _sent_again(api: Any, id: str, what: dict[str, Any]) -> Any:
    """Return what the http node of a replay sends, which is the replay's output."""
    response = api.post(f"{API}/runs/{id}/replay", json=what)
    assert response.is_success, response.text
    replayed = ended(api, response.json()["id"])
    assert replayed["status"] == "completed"
    return replayed["output"]
