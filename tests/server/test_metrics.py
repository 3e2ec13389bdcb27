"""`GET /metrics` says what runs, nodes, models, sandboxes and requests did, in Prometheus's text."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fakes.processes import serving as serving_process
from fakes.processes import until
from fakes.runs_api import API, asked, begin, ended, human, pause, run_of
from fakes.served import Served, database_of, serving
from flowc.compiler.running.events import RUN_CREATED
from flowc.server.numbers.metrics import Metrics
from flowc.server.numbers.run_counts import MOST_WORKFLOWS, RunCounts
from flowc.server.records.run_events import RunEvent
from flowc.server.records.run_facts import RunFacts
from flowc.server.records.runs import RunRecord


class Numbers:
    """What a server's metrics say at one moment."""

    def __init__(self, text: str) -> None:
        self.samples: list[Sample] = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def of(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name that have these labels."""
        found = [each for each in self.samples if each.name == name]
        assert found or labels, f"{name} is not among the metrics"
        return sum(s.value for s in found if labels.items() <= s.labels.items())


def read(api: httpx.Client) -> Numbers:
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Numbers(answer.text)


FAILING: dict[str, Any] = {"id": "stop", "type": "fail", "config": {"message": "no"}}
CODE: dict[str, Any] = {"id": "code", "type": "code"}


def test_runs_and_nodes_are_counted_by_their_ends(api: httpx.Client) -> None:
    before = read(api)
    body = {"id": "told", "definition": {"nodes": [pause("a"), pause("b", "a")]}}
    assert api.post(f"{API}/workflows", json=body).is_success
    for _ in range(2):
        assert api.post(f"{API}/workflows/told/execute", json={}).json()["status"] == "completed"
    assert begin(api, [FAILING])["status"] == "failed"
    waiting = begin(api, [human("ask"), pause("after", "ask")])
    cancelled = begin(api, [human("ask")])
    api.post(f"{API}/runs/{cancelled['id']}/cancel")
    (task,) = asked(api, waiting["id"])
    api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    ended(api, waiting["id"])
    after = read(api)

    def more(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    told = {"tenant": "default", "workflow": "told"}
    inline = {"tenant": "default", "workflow": "inline"}
    assert more("flowc_runs_created_total", **told) == 2
    assert more("flowc_runs_created_total", **inline) == 3
    assert more("flowc_runs_ended_total", status="completed", **told) == 2
    assert more("flowc_runs_ended_total", status="completed", **inline) == 1
    assert more("flowc_runs_ended_total", status="failed", **inline) == 1
    assert more("flowc_runs_ended_total", status="cancelled", **inline) == 1
    assert more("flowc_run_duration_seconds_count", **told) == 2
    assert more("flowc_run_duration_seconds_count", **inline) == 3
    assert more("flowc_runs_rested_total", status="waiting") == 2
    assert more("flowc_runs_continued_total", reason="answered") == 1
    assert more("flowc_nodes_ended_total", type="wait", status="completed") == 5
    assert more("flowc_nodes_ended_total", type="fail", status="failed") == 1
    # The end of a node that waited is in another segment than its start.
    assert more("flowc_nodes_ended_total", type="human", status="completed") == 1
    assert more("flowc_node_duration_seconds_count", type="wait") == 5
    assert more("flowc_takeovers_total") == 0


def test_nodes_in_bodies_count_by_their_own_types(api: httpx.Client) -> None:
    before = read(api)
    body = {"nodes": [{"id": "say", "type": "template", "config": {"template": "{{item}}"}}]}
    each = {"id": "each", "type": "map", "config": {"items": [1, 2, 3], "body": body}}
    assert begin(api, [each])["status"] == "completed"
    after = read(api)
    name, labels = "flowc_nodes_ended_total", {"type": "template", "status": "completed"}
    assert after.of(name, **labels) - before.of(name, **labels) == 3


def test_calls_of_models_are_counted_with_what_they_used(api: httpx.Client) -> None:
    before = read(api)
    ask = {"id": "ask", "type": "llm", "config": {"prompt": "Say hello.", "model": "offline/echo"}}
    run = run_of(api, begin(api, [ask])["id"])
    assert run["status"] == "completed"
    after = read(api)

    def more(name: str, **labels: str) -> float:
        labels = {"model": "offline/echo", **labels}
        return after.of(name, **labels) - before.of(name, **labels)

    used = run["usage"]
    assert used["prompt_tokens"] > 0
    assert more("flowc_llm_calls_total", operation="chat", outcome="ok") == 1
    assert more("flowc_llm_tokens_total", kind="prompt") == used["prompt_tokens"]
    assert more("flowc_llm_tokens_total", kind="completion") == used["completion_tokens"]
    assert more("flowc_llm_cost_dollars_total") == used["cost"]
    assert more("flowc_llm_call_duration_seconds_count") == 1


def test_code_in_sandboxes_is_counted_by_how_it_ends(api: httpx.Client) -> None:
    before = read(api)
    begin(api, [{**CODE, "config": {"code": "result = 1"}}])
    begin(api, [{**CODE, "config": {"code": "result = 1 / 0"}}])
    after = read(api)
    for outcome in ("ok", "failed"):
        labels = {"engine": "monty", "outcome": outcome}
        name = "flowc_sandbox_runs_total"
        assert after.of(name, **labels) - before.of(name, **labels) == 1


def test_ingested_documents_and_chunks_are_counted(api: httpx.Client) -> None:
    before = read(api)
    documents = [{"source": f"d{n}", "text": f"text number {n}"} for n in range(3)]
    ingest = {
        "id": "bring",
        "type": "ingest",
        "config": {"collection": "m", "documents": documents},
    }
    run = begin(api, [ingest])
    assert run["status"] == "completed", run
    after = read(api)
    added = "flowc_ingested_documents_total", {"status": "added"}
    assert after.of(added[0], **added[1]) - before.of(added[0], **added[1]) == 3
    chunks = "flowc_ingested_chunks_total"
    assert after.of(chunks) - before.of(chunks) == 3


def test_requests_are_measured_by_handler_method_and_class_of_status(api: httpx.Client) -> None:
    before = read(api)
    api.get(f"{API}/runs/nothing")
    api.get("/nowhere/at/all")
    api.request("PROPFIND", "/ping")
    after = read(api)

    def more(**labels: str) -> float:
        name = "flowc_http_request_duration_seconds_count"
        return after.of(name, **labels) - before.of(name, **labels)

    assert more(handler="get_run", method="GET", status="4xx") == 1
    assert more(handler="none", method="GET", status="4xx") == 1
    assert more(method="other", status="4xx") == 1
    assert more(handler="read_metrics", method="GET", status="2xx") == 1


def test_the_process_shows_itself(api: httpx.Client) -> None:
    found = read(api)
    assert found.of("flowc_database_up") == 1
    assert found.of("flowc_run_slots") == 100
    assert found.of("flowc_run_slots_free") + found.of("flowc_runs_at_work") == 100
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert found.of(name) > 0
    assert not [each for each in found.samples if each.name.endswith("_created")]


@pytest.fixture(params=["sqlite", "postgres"])
def narrow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[httpx.Client]:
    """Serve with one slot."""
    url = database_of(request).get("database_url")
    env = {"FLOWC_RUN_SLOTS": "1", **({"FLOWC_DATABASE_URL": url} if url else {})}
    with serving_process(tmp_path / "d", env) as (client, _):
        yield client


def test_the_queue_has_a_depth_and_an_age(narrow: httpx.Client) -> None:
    assert read(narrow).of("flowc_queue_depth") == 0
    # Pauses of a second or more would leave the slot.
    work = [pause(f"n{i}", *([f"n{i - 1}"] if i else []), seconds=0.9) for i in range(200)]
    runs = [begin(narrow, work, wait=False)["id"] for _ in range(3)]
    delayed = begin(narrow, [pause("a")], wait=False, delay=3600)["id"]
    until(lambda: sorted(run_of(narrow, id)["status"] for id in runs)[-1] == "running")
    # What was read holds for some seconds.
    until(lambda: read(narrow).of("flowc_queue_depth") == 2)
    found = read(narrow)
    assert found.of("flowc_runs_at_work") == 1
    assert found.of("flowc_run_slots_free") == 0
    assert 0 < found.of("flowc_queue_oldest_age_seconds") < 600
    for id in [*runs, delayed]:
        narrow.post(f"{API}/runs/{id}/cancel")
    until(lambda: read(narrow).of("flowc_queue_depth") == 0)
    assert read(narrow).of("flowc_queue_oldest_age_seconds") == 0


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d") as found:
        yield found


async def test_only_the_operator_reads_them_since_they_are_about_all_tenants(
    served: Served,
) -> None:
    assert (await served.ask("GET", "/metrics", None)).status_code == 401
    assert (await served.ask("GET", "/metrics", served.admin)).status_code == 200
    scraper = await served.new_key(scopes=["metrics:read"])
    assert (await served.ask("GET", "/metrics", scraper)).status_code == 200
    assert (await served.ask("GET", f"{API}/runs", scraper)).status_code == 403
    editor = await served.new_key(role="editor")
    assert (await served.ask("GET", "/metrics", editor)).status_code == 403
    for about in ({"role": "admin"}, {"scopes": ["metrics:read"]}):
        other = await served.new_key(tenant="acme", **about)
        answer = await served.ask("GET", "/metrics", other)
        assert answer.status_code == 403
        assert "default" in answer.json()["error"]["message"]


async def _read_then_ask_with(
    served: Served, ask: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read the metrics, so that the key is known, and let the database behave so from then on."""
    found = Numbers((await served.ask("GET", "/metrics", served.admin)).text)
    assert found.of("flowc_database_up") == 1
    gauges = served.app.state.process.gauges
    monkeypatch.setattr(gauges._database, "read", ask)
    gauges._holds_until = 0.0


async def test_metrics_are_read_while_the_database_fails(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    await _read_then_ask_with(served, fail, monkeypatch)
    answer = await served.ask("GET", "/metrics", served.admin)
    found = Numbers(answer.text)
    assert found.of("flowc_database_up") == 0
    assert str(found.of("flowc_queue_depth")) == "nan"


async def test_metrics_do_not_wait_for_a_database_that_hangs(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowc.server.process.gauges._PATIENCE_SECONDS", 0.05)

    async def hang(work: Any) -> Any:
        await asyncio.Event().wait()

    await _read_then_ask_with(served, hang, monkeypatch)
    for _ in range(2):
        found = Numbers((await served.ask("GET", "/metrics", served.admin)).text)
        assert found.of("flowc_database_up") == 0
    served.app.state.process.gauges._asking.cancel()


def test_each_series_is_bounded() -> None:
    metrics = Metrics()
    counts = RunCounts(metrics)
    created = RunEvent.of(RUN_CREATED.of_run({"priority": 10}))
    for number in range(MOST_WORKFLOWS + 50):
        run = RunRecord(id="r", workflow_id=f"w{number}", version=1, hash="h", input={})
        counts.committed(RunFacts.of(run, "t"), [created])
    found = Numbers(metrics.text().decode())
    names = {s.labels["workflow"] for s in found.samples if s.name == "flowc_runs_created_total"}
    assert len(names) == MOST_WORKFLOWS + 1
    assert found.of("flowc_runs_created_total", tenant="other", workflow="other") == 50


def test_two_servers_in_one_process_have_metrics_of_their_own() -> None:
    first, second = Metrics(), Metrics()
    first.takeovers.inc()
    assert re.search(rb"^flowc_takeovers_total 0\.0$", second.text(), re.MULTILINE)
