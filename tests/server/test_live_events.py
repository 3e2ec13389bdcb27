"""The events of all runs arrive as they happen, once each, and what was missed is counted."""

import json
import threading
import time
from contextlib import suppress
from typing import Any

import httpx

from fakes.processes import until
from fakes.runs_api import API, asked, begin, human, pause
from flowc.compiler.running.events import EventKind
from flowc.server.engine.publishing.feed import FedEvent, Missed, Subscriber
from flowc.server.records.run_events import RunEvent
from flowc.server.records.times import now
from flowc.server.store.runs.published_runs import PublishedRun

RUN = PublishedRun("default", "r1", "w", 0)


def said(number: int, size: int = 10) -> FedEvent:
    return FedEvent(RUN, RunEvent(number, EventKind.NODE_SAID, now(), {"text": "x" * size}))


class Watching:
    """Reads the stream of all events in a thread."""

    def __init__(self, api: httpx.Client, **params: Any) -> None:
        self.events: list[tuple[str, Any]] = []
        self._api, self._params = api, params
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self._is_open.wait(20)

    def _read(self) -> None:
        # The server of a test stops before its watchers leave.
        with (
            suppress(httpx.TransportError),
            self._api.stream("GET", f"{API}/events", params=self._params, timeout=60) as answer,
        ):
            assert answer.status_code == 200
            self._is_open.set()
            kind = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((kind, json.loads(line.removeprefix("data: "))))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in list(self.events)]


def test_runs_that_start_later_and_runs_at_work_are_watched(api: httpx.Client) -> None:
    old = begin(api, [human("ask"), pause("after", "ask")])
    # A feed may begin a second earlier than its subscriber.
    time.sleep(1.5)
    watching = Watching(api)
    new = begin(api, [pause("a")])
    until(lambda: "run.completed" in watching.kinds())
    (task,) = asked(api, old["id"])
    answered = api.post(f"{API}/interrupts/{task['id']}/answer", json={"answer": "approve"})
    assert answered.status_code == 200
    until(lambda: watching.kinds().count("run.completed") == 2)
    of_new = [data["number"] for _, data in watching.events if data["run_id"] == new["id"]]
    assert of_new == list(range(1, len(of_new) + 1))
    of_old = [data for _, data in watching.events if data["run_id"] == old["id"]]
    # What happened before is not sent again.
    assert "run.created" not in {data["type"] for data in of_old}
    numbers = [data["number"] for data in of_old]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_only_the_kinds_and_the_workflow_that_are_asked_for(api: httpx.Client) -> None:
    for name in ("one", "two"):
        api.put(f"{API}/workflows/{name}", json={"nodes": [pause("a")]}).raise_for_status()
    ended = Watching(api, kinds=["run.completed", "run.failed"], workflow_id="one")
    for name in ("one", "two", "one"):
        api.post(f"{API}/workflows/{name}/execute").raise_for_status()
    until(lambda: len(ended.events) == 2)
    assert {(kind, data["workflow_id"]) for kind, data in ended.events} == {
        ("run.completed", "one")
    }
    assert api.get(f"{API}/events", params={"kinds": "run.over"}).status_code == 422


def test_what_a_subscriber_does_not_read_is_counted_as_missed() -> None:
    slow = Subscriber("default")
    for number in (1, 2, 3, 4):
        slow.add(said(number, 900_000))
    first, second, missed = slow.taken()
    assert isinstance(first, FedEvent)
    assert isinstance(second, FedEvent)
    assert (first.event.number, second.event.number, missed) == (1, 2, Missed(2))
    slow.add(said(5))
    slow.miss(None)
    slow.miss(1)
    assert slow.taken()[-1] == Missed(None)
    assert slow.taken() == []


def test_a_subscriber_gets_its_own_tenants_runs_alone() -> None:
    others = [Subscriber("acme"), Subscriber("default", "other"), Subscriber("default", "w")]
    assert [each.wants(RUN) for each in others] == [False, False, True]
