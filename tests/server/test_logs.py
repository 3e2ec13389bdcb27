"""What is logged: one line for what happened to a run, as text or as JSON, without secrets."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.context import attach, detach

from fakes.processes import serving, until
from fakes.runs_api import API, begin, ended, human, pause
from flowc.compiler.running.redaction import KnownSecrets
from flowc.server.logs.log_context import LOG_CONTEXT
from flowc.server.logs.log_format import JsonLines, TextLines
from flowc.server.secrets.log_redaction import redacted_logs
from flowc.server.traces.trace_text import context_of

SECRET = "sesame-canary-42"
FAILING: dict[str, Any] = {"id": "stop", "type": "fail", "config": {"message": "{{input.text}}"}}


def lines_of(folder: Path, **about: str) -> list[dict[str, Any]]:
    """Return the lines of a server's log that have these fields; each line is JSON."""
    found = [json.loads(line) for line in (folder / "d.log").read_text().splitlines()]
    return [line for line in found if about.items() <= line.items()]


@pytest.fixture
def api(tmp_path: Path, database: dict[str, str]) -> Iterator[httpx.Client]:
    with serving(tmp_path / "d", {**database, "FLOWC_LOG_FORMAT": "json"}) as (client, _):
        yield client


def test_a_run_that_fails_or_is_ended_by_a_caller_is_one_line(
    api: httpx.Client, tmp_path: Path
) -> None:
    body = {"id": "told", "definition": {"nodes": [FAILING]}}
    assert api.post(f"{API}/workflows", json=body).is_success
    given = {"input": {"text": SECRET}}
    run = api.post(f"{API}/workflows/told/execute", json=given, headers={"x-request-id": "mine"})
    id = run.json()["id"]
    (line,) = until(lambda: lines_of(tmp_path, run=id, logger="flowc.runs"))
    code = run.json()["error"]["code"]
    wanted = {"run": id, "workflow": "told", "tenant": "default", "node": "stop", "code": code}
    assert wanted.items() <= line.items()
    assert line["level"] == "warning"
    assert line["message"] == (
        f"run {id} of workflow told (tenant default) failed at node stop: {code}"
    )
    assert SECRET not in (tmp_path / "d.log").read_text()
    for how in ("cancel", "terminate"):
        other = begin(api, [human("ask")])["id"]
        assert api.post(f"{API}/runs/{other}/{how}").is_success
        (line,) = lines_of(tmp_path, run=other, logger="flowc.runs")
        past = {"cancel": "cancelled", "terminate": "terminated"}[how]
        assert line["message"] == f"run {other} (tenant default) was {past} by local"


def test_access_lines_have_the_id_of_the_request(api: httpx.Client, tmp_path: Path) -> None:
    api.get("/ping", headers={"x-request-id": "so-it-is"})
    (line,) = until(lambda: lines_of(tmp_path, request="so-it-is"))
    assert line["logger"] == "uvicorn.access"
    assert '"GET /ping HTTP/1.1" 200' in line["message"]
    assert lines_of(tmp_path, logger="flowc.worker", level="info")


def test_a_run_that_another_process_continues_is_a_line(
    tmp_path: Path, database: dict[str, str]
) -> None:
    env = {**database, "FLOWC_LOG_FORMAT": "json", "FLOWC_TAKEOVER_SECONDS": "1"}
    nodes = [pause(f"n{i}", *([f"n{i - 1}"] if i else []), seconds=0.9) for i in range(4)]
    with serving(tmp_path / "d", env) as (api, process):
        id = begin(api, nodes, wait=False)["id"]
        until(lambda: api.get(f"{API}/runs/{id}").json()["status"] == "running")
        process.kill()
    with serving(tmp_path / "d", env) as (api, _):
        assert ended(api, id)["status"] == "completed"
        lines = [line["message"] for line in lines_of(tmp_path, run=id, logger="flowc.runs")]
        metrics = api.get("/metrics").text
    assert lines == [
        f"run {id} (tenant default) lost its worker, and is queued again",
        f"run {id} (tenant default) continues after its former worker: attempt 2",
    ]
    assert "flowc_takeovers_total 1.0" in metrics
    assert 'flowc_runs_continued_total{reason="lost"} 1.0' in metrics


def test_the_level_says_what_is_logged(tmp_path: Path) -> None:
    env = {"FLOWC_LOG_LEVEL": "error"}
    with serving(tmp_path / "d", env) as (api, _):
        assert begin(api, [FAILING], input={"text": "no"})["status"] == "failed"
    assert (tmp_path / "d.log").read_text() == ""


def record_of(message: str, **more: Any) -> logging.LogRecord:
    record = logging.getLogger("some.library").makeRecord(
        "some.library", logging.WARNING, "file", 1, message, (), None, extra=more
    )
    record.created = 0.25
    return record


def test_text_names_time_level_logger_and_the_ids_that_the_message_has_not() -> None:
    token = LOG_CONTEXT.set({"request": "q1", "run": "r1", "node": "n1", "tenant": "acme"})
    try:
        line = TextLines().format(record_of("run r1 failed\nGET /"))
    finally:
        LOG_CONTEXT.reset(token)
    moment = "1970-01-01T00:00:00.250+00:00"
    assert (
        line
        == f"{moment} WARNING some.library: run r1 failed\\nGET / request=q1 node=n1 tenant=acme"
    )
    assert TextLines().format(record_of("x")) == f"{moment} WARNING some.library: x"


def test_lines_within_a_trace_name_it_in_each_form() -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    token = attach(context_of(f"00-{trace_id}-b7ad6b7169203331-01"))
    try:
        text, line = (form.format(record_of("x")) for form in (TextLines(), JsonLines()))
    finally:
        detach(token)
    assert text.endswith(f" some.library: x trace_id={trace_id}")
    ids = {"trace_id": trace_id, "span_id": "b7ad6b7169203331"}
    assert ids.items() <= json.loads(line).items()


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_secrets_are_replaced_in_each_form_also_in_tracebacks(
    form: logging.Formatter, caplog: pytest.LogCaptureFixture
) -> None:
    known = KnownSecrets()
    known.add([SECRET])
    with redacted_logs(known):
        try:
            raise ValueError(f"refused: {SECRET}")
        except ValueError:
            logging.getLogger("some.library").exception("It failed with %s.", SECRET)
    text = form.format(caplog.records[0])
    assert "It failed with [secret]." in text
    assert "ValueError: refused: [secret]" in text
    assert SECRET not in text


def test_a_line_of_json_has_the_fields_of_its_record() -> None:
    line = json.loads(JsonLines().format(record_of("hm\n", about={"run": "r", "node": "n"})))
    assert line == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "some.library",
        "message": "hm\n",
        "run": "r",
        "node": "n",
    }
