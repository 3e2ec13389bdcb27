"""What nodes used counts also if they have no end: a client, a time limit or a failure stops them.

The model streams its answer for as long as someone listens, so each call is cut off in the middle.
"""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import loopback
from fakes.loopback import Reply, Request, completion, reply_json, streamed
from fakes.processes import serving, until
from fakes.runs_api import API, begin, ended, events_of, require_orderly, run_of

STREAM = {"model": "m", "prompt": "Go on. " * 10, "stream": True}
TWICE = {"max_attempts": 2, "initial_delay": 0.01}


class Provider:
    """A model that refuses, answers, answers without end or does not answer, as the prompt says."""

    def __init__(self) -> None:
        self.answered, self.asked = 0, threading.Event()
        self.is_released = False

    def __call__(self, request: Request) -> Reply:
        if request.path.endswith("/embeddings"):
            return self._embedded(request)
        prompt = json.dumps(request.json["messages"])
        if "Warm" in prompt:
            return completion("Yes.")
        if "Refuse" in prompt:
            assert self.asked.wait(60)
            return reply_json({"error": {"message": "?"}}, 400)
        if "Go on" in prompt:
            return streamed(["some text "] * 3_000, pause=0.02)
        if self.answered and "Hang" in prompt and not self.is_released:
            self.asked.set()
            time.sleep(60)
        self.answered += 1
        return completion("no" if self.answered < 4 else '{"kind": "billing"}')

    def _embedded(self, request: Request) -> Reply:
        rows = [
            {"object": "embedding", "index": at, "embedding": [float(len(text)), 1.0]}
            for at, text in enumerate(request.json["input"])
        ]
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        return reply_json({"object": "list", "data": rows, "model": "m", "usage": usage})


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def env(tmp_path: Path, provider: Provider) -> Iterator[dict[str, str]]:
    with loopback.serving(provider) as models:
        where = {"api_base": f"{models.url}/v1", "api_key": "sk-x"}
        aliases = {
            "m": {"model": "openai/gpt-4", **where},
            "vectors": {"model": "openai/text-embedding-3-small", **where},
        }
        (tmp_path / "models.json").write_text(json.dumps(aliases))
        yield {"FLOWC_MODELS_FILE": str(tmp_path / "models.json"), "FLOWC_TAKEOVER_SECONDS": "1"}


@pytest.fixture
def api(tmp_path: Path, env: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(tmp_path / "d", env) as (client, _):
        # Else the first call imports litellm, which can take longer than the limits below.
        begin(client, [llm("warm", {"model": "m", "prompt": "Warm up."})])
        yield client


def llm(id: str, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "llm", "config": config, **more}


def tokens_of(events: list[dict[str, Any]]) -> int:
    return len([e for e in events if e["kind"] == "node.said" and e["data"]["kind"] == "token"])


def started(api: httpx.Client, nodes: list[Any], **definition: Any) -> str:
    """Start a run, and return its id once some of an answer has arrived."""
    id = str(begin(api, nodes, wait=False, definition=definition)["id"])
    until(lambda: tokens_of(events_of(api, id)) > 2)
    return id


@pytest.mark.parametrize(
    ("path", "status"), [("runs/{}/cancel", "cancelled"), ("runs/{}/terminate", "failed")]
)
def test_a_stream_counts_that_a_client_cuts_off(api: httpx.Client, path: str, status: str) -> None:
    id = started(api, [llm("ask", STREAM)])
    api.post(f"{API}/{path.format(id)}", json={"reason": "Enough."}).raise_for_status()
    until(lambda: run_of(api, id)["usage"]["calls"])
    run, events = run_of(api, id), events_of(api, id)
    assert (run["status"], run["usage"]["calls"], run["usage"]["estimated_calls"]) == (status, 1, 1)
    # 70 characters of the prompt and its JSON, and at least two pieces of text.
    assert run["usage"]["prompt_tokens"] > 17
    assert run["usage"]["completion_tokens"] >= 5
    assert run["usage"]["cost"] > 0
    assert [event["kind"] for event in events[-2:]] == [f"run.{status}", "run.used"]
    assert api.get(f"{API}/runs").json()["items"][0]["usage"] == run["usage"]
    require_orderly(events)


def test_a_stream_counts_that_the_time_limit_of_a_node_cuts_off(api: httpx.Client) -> None:
    run = ended(api, started(api, [llm("ask", STREAM, timeout=2)]))
    assert run["error"]["code"] == "timeout"
    assert (run["usage"]["calls"], run["usage"]["estimated_calls"]) == (1, 1)
    assert run["usage"]["completion_tokens"] >= 5


def test_a_stream_counts_that_the_time_limit_of_a_call_cuts_off(api: httpx.Client) -> None:
    nodes = [llm("ask", {**STREAM, "timeout": 2}, retry=TWICE)]
    run = ended(api, started(api, nodes))
    assert run["error"]["code"] == "timeout"
    assert (run["usage"]["calls"], run["usage"]["estimated_calls"]) == (2, 2)


@pytest.mark.parametrize("granularity", ["auto", "node", "fused"])
def test_a_stream_counts_that_the_time_limit_of_the_run_cuts_off(
    api: httpx.Client, granularity: str
) -> None:
    settings = {"timeout": 2, "granularity": granularity}
    run = ended(api, started(api, [llm("ask", STREAM)], settings=settings))
    assert run["error"]["code"] == "timeout"
    assert (run["usage"]["calls"], run["usage"]["estimated_calls"]) == (1, 1)


def test_what_a_node_used_counts_if_another_one_fails(
    api: httpx.Client, provider: Provider
) -> None:
    ask = {"model": "m", "prompt": "Hang.", "output_schema": {"kind": "string"}}
    fails = {"model": "m", "prompt": "Refuse.", "max_tokens": 5}
    nodes = [llm("ask", ask), llm("other", fails)]
    definition = {"settings": {"granularity": "node"}}
    run = ended(api, begin(api, nodes, wait=False, definition=definition)["id"])
    assert run["error"]["node_id"] == "other"
    assert run["nodes"]["ask"]["error"]["code"] == "cancelled"
    # One answer, and a request that was cut off before there was one.
    assert (run["usage"]["calls"], run["usage"]["estimated_calls"]) == (2, 1)
    assert (run["usage"]["prompt_tokens"] > 7, run["usage"]["completion_tokens"]) == (True, 3)
    assert provider.answered == 1
    history = api.get(f"{API}/runs/{run['id']}/history").json()
    used = {each["node_id"]: each["usage"].get("calls", 0) for each in history}
    assert used == {"ask": 2, "other": 0}


def test_answers_count_of_a_node_that_kill_9_cuts_off(
    tmp_path: Path, env: dict[str, str], provider: Provider
) -> None:
    ask = {"model": "m", "prompt": "Hang.", "output_schema": {"kind": "string"}, "max_tokens": 5}
    with serving(tmp_path / "d", env) as (api, process):
        id = begin(api, [llm("ask", ask, retry=TWICE)], wait=False)["id"]
        assert provider.asked.wait(60)
        until(lambda: run_of(api, id)["usage"]["calls"])
        assert [e["kind"] for e in events_of(api, id)][-1] == "node.used"
        process.kill()
        process.wait()
    assert provider.answered == 1
    provider.is_released = True
    with serving(tmp_path / "d", env) as (api, _):
        run = ended(api, id)
    # Of the call that the killed process waited for, nothing is known.
    assert run["status"] == "completed"
    assert provider.answered == 4
    assert (run["usage"]["calls"], run["usage"]["total_tokens"]) == (4, 40)


def test_embeddings_count_in_the_budget_of_a_run(api: httpx.Client) -> None:
    embed = {"texts": ["a text of forty characters, or about so."], "model": "vectors"}
    again = {"texts": ["another text of forty characters, or so."], "model": "vectors"}
    nodes = [
        {"id": "one", "type": "embed", "config": embed},
        {"id": "two", "type": "embed", "config": again, "depends_on": ["one"]},
    ]
    few = {"settings": {"budget": {"tokens": 16}}}
    run = ended(api, begin(api, nodes, wait=False, definition=few)["id"])
    assert (run["error"]["code"], run["error"]["node_id"]) == ("budget-exceeded", "two")
    assert (run["usage"]["total_tokens"], run["usage"]["calls"]) == (7, 1)
    enough = {"settings": {"budget": {"tokens": 17}}}
    # The first text was embedded before.
    run = ended(api, begin(api, nodes, wait=False, definition=enough)["id"])
    assert run["status"] == "completed"
    assert (run["usage"]["total_tokens"], run["usage"]["calls"]) == (7, 1)
    assert run["usage"]["cost"] > 0
