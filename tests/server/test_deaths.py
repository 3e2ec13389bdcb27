"""A run that may be what kills its workers is set aside, and one that was only moved is not."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from fakes import loopback
from fakes.processes import serving, until
from fakes.runs_api import API, ended, events_of
from flowc.compiler.running.events import EventKind
from flowc.server.records.deaths import deaths_in
from flowc.server.records.run_events import RunEvent
from flowc.server.records.times import now

# Kinds of events as one letter each, and the data that counts.
LETTERS: dict[str, tuple[EventKind, dict[str, Any]]] = {
    "S": (EventKind.RUN_STARTED, {}),
    "A": (EventKind.RUN_STARTED, {"again": True}),
    "L": (EventKind.RUN_RESUMED, {"reason": "lost"}),
    "R": (EventKind.RUN_RESUMED, {"reason": "stopped"}),
    "Y": (EventKind.RUN_RESUMED, {"reason": "retried"}),
    "n": (EventKind.NODE_STARTED, {}),
    "r": (EventKind.NODE_RETRYING, {}),
    "s": (EventKind.NODE_SAID, {}),
    "c": (EventKind.NODE_COMPLETED, {}),
    "f": (EventKind.NODE_FAILED, {}),
    "w": (EventKind.RUN_WAITING, {}),
    "F": (EventKind.RUN_FAILED, {}),
}


@pytest.mark.parametrize(
    ("letters", "deaths"),
    [
        ("S", 0),
        ("SS", 1),
        ("SnSnSnS", 3),
        ("SLSLSLS", 3),
        # A stopped process did not die, also if the next start finds its runs as lost.
        ("SnRS", 0),
        ("SnRLS", 0),
        ("SRSRSRSRS", 0),
        ("SSRSRS", 1),
        # Nor did one that could not reach the database.
        ("SASASA", 2),
        ("SAAAAA", 0),
        # What a node emits or retries again is not progress; its end is, and what it emits then.
        ("SnsrSnsrS", 2),
        ("SssSssSssS", 3),
        ("SssSsssSssS", 2),
        ("SsSssSsssS", 1),
        ("SSSnfS", 1),
        ("SSSncS", 1),
        ("SSSncSncSncS", 1),
        # A rest and a retry by a person start from the beginning.
        ("SSSwS", 0),
        ("SSSFYS", 0),
        ("SSSFYSSS", 2),
    ],
)
def test_a_worker_died_if_another_one_started_and_it_had_not_stopped(
    letters: str, deaths: int
) -> None:
    kinds = [LETTERS[letter] for letter in letters]
    events = [RunEvent(n, kind, now(), data) for n, (kind, data) in enumerate(kinds, 1)]
    assert deaths_in(events) == deaths


def test_a_run_at_which_three_processes_died_is_set_aside_until_it_is_retried(
    tmp_path: Path,
) -> None:
    answers = threading.Event()

    def answer(request: loopback.Request) -> loopback.Reply:
        # The node is at work as long as the test wants.
        answers.wait()
        return loopback.reply_json({"path": request.path})

    with loopback.serving(answer) as service:
        env = {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{service.port}", "FLOWC_DRAIN_SECONDS": "0"}
        config = {"url": f"{service.url}/a", "timeout": 600}
        nodes = [{"id": "call", "type": "http", "config": config}]
        id = ""
        # SIGTERM is no death, wherever it is among them.
        for number, how in enumerate("KTKTK", 1):
            with serving(tmp_path / "d", env) as (api, process):
                if not id:
                    body = {"definition": {"nodes": nodes}, "wait": False}
                    id = api.post(f"{API}/workflows/execute", json=body).json()["id"]
                until(lambda reached=number: len(service.requests) == reached)
                process.send_signal(signal.SIGKILL if how == "K" else signal.SIGTERM)
                process.wait()
        answers.set()
        with serving(tmp_path / "d", env) as (api, _):
            failed = ended(api, id)
            assert (failed["status"], failed["error"]["code"]) == ("failed", "crashed-too-often")
            # It was not started again, and is seen among the failed ones.
            assert len(service.requests) == 5
            listed = api.get(f"{API}/runs", params={"status": "failed"}).json()["items"]
            assert [run["id"] for run in listed] == [id]
            api.post(f"{API}/runs/{id}/retry").raise_for_status()
            assert ended(api, id)["status"] == "completed"
            reasons = [
                each["data"]["reason"] for each in events_of(api, id) if "reason" in each["data"]
            ]
            assert reasons.count("stopped") == 2 and reasons[-1] == "retried"
