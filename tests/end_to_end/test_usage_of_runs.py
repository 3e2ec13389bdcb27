"""What a run used counts once in the run and in its budgets, over retries and `kill -9`."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fakes import loopback
from fakes.loopback import Reply, Request, calls, completion, reply_json
from fakes.models import WEATHER
from fakes.processes import serving, until
from fakes.runs_api import API, ended, events_of, run_of

END_KINDS = {"node.completed", "node.failed"}
AGENT_USED = ("helper", "node.used")
TWICE = {"max_attempts": 2, "initial_delay": 0.01}


class Provider:
    """A model that counts its answers; once, it does not answer before it is released."""

    def __init__(self) -> None:
        self.answered, self.is_down = 0, False
        self.asked_to_hang, self.release = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> Reply:
        messages = request.json["messages"]
        if messages[-1]["role"] == "tool":
            return self._after_the_tool()
        self.answered += 1
        if "tools" in request.json:
            return calls(("get_weather", {"city": "Rome"}))
        return completion('{"kind": "billing"}' if self.answered == 4 else "no")

    def _after_the_tool(self) -> Reply:
        if not self.asked_to_hang.is_set():
            self.asked_to_hang.set()
            self.release.wait(60)
        if self.is_down:
            return reply_json({"error": {"message": "?"}}, 503)
        self.answered += 1
        return completion("Sunny.")


def definition(granularity: str) -> dict[str, Any]:
    schema = {"kind": "string"}
    ask = {"model": "m", "prompt": "Classify.", "output_schema": schema, "max_tokens": 10}
    help = {"model": "m", "prompt": "Weather?", "tools": [WEATHER], "max_tokens": 10}
    limits = {"workflow_budget": {"tokens": 1_000_000, "per": "month"}}
    return {
        "settings": {"granularity": granularity, **limits},
        "nodes": [
            {"id": "ask", "type": "llm", "config": ask, "retry": TWICE},
            {"id": "helper", "type": "agent", "config": help, "depends_on": ["ask"]},
        ],
    }


def spent(data: Path) -> list[float]:
    """Return the tokens in the workflow's budget."""
    with closing(sqlite3.connect(data / "flowc.db")) as database:
        return [tokens for (tokens,) in database.execute("select tokens from spendings")]


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_each_answer_counts_once_over_kill_9_failures_and_retries(
    tmp_path: Path, granularity: str
) -> None:
    provider, data = Provider(), tmp_path / "d"
    with loopback.serving(provider) as models:
        alias = {"model": "openai/own", "api_base": f"{models.url}/v1", "api_key": "sk-x"}
        (tmp_path / "models.json").write_text(json.dumps({"m": alias}))
        env = {"FLOWC_MODELS_FILE": str(tmp_path / "models.json"), "FLOWC_TAKEOVER_SECONDS": "1"}
        with serving(data, env) as (api, process):
            stored = {"id": "counts", "definition": definition(granularity)}
            api.post(f"{API}/workflows", json=stored).raise_for_status()
            body = {"wait": False, "input": {}}
            id = api.post(f"{API}/workflows/counts/execute", json=body).json()["id"]
            until(provider.asked_to_hang.is_set)
            time.sleep(0.5)
            process.kill()
            process.wait()
        provider.is_down = True
        provider.release.set()
        with serving(data, env) as (api, _):
            failed = ended(api, id)
            assert failed["error"]["code"] == "model-unavailable"
            # Four answers of `ask`, two of them in an attempt that failed, and one turn.
            assert (failed["usage"]["calls"], failed["usage"]["total_tokens"]) == (5, 50)
            provider.is_down = False
            api.post(f"{API}/runs/{id}/retry").raise_for_status()
            until(lambda: run_of(api, id)["status"] == "completed")
            done, events = run_of(api, id), events_of(api, id)
            listed = api.get(f"{API}/runs").json()["items"][0]
    ends = [e["data"].get("usage") for e in events if e["kind"] in END_KINDS]
    assert [used["calls"] for used in ends if used] == [4, 1]
    # The agent was still at work when its first turn was counted.
    early = [e["data"]["usage"] for e in events if (e["node_id"], e["kind"]) == AGENT_USED]
    assert early[0]["calls"] == 1
    assert done["usage"]["calls"] == provider.answered == 6
    assert done["usage"]["total_tokens"] == 60
    assert listed["usage"] == done["usage"]
    assert [node["runs"] for node in (done["nodes"]["ask"], done["nodes"]["helper"])] == [1, 3]
    # The call that the killed process had begun remains reserved.
    [tokens] = spent(data)
    assert 60 < tokens < 260
