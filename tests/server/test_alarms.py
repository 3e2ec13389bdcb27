"""A worker does not wait for the queue's next poll where it knows what is next."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from fakes.processes import serving
from fakes.runs_api import begin, ended, events_of, human, pause, run_of

POLL_SECONDS = 60


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve with one slot, and a poll that is as good as none."""
    folder: Path = tmp_path_factory.mktemp("alarms")
    env = {"FLOWC_POLL_SECONDS": str(POLL_SECONDS), "FLOWC_RUN_SLOTS": "1"}
    with serving(folder / "d", env) as (client, _):
        yield client


def moment(api: httpx.Client, id: str, kind: str) -> datetime:
    return next(datetime.fromisoformat(e["at"]) for e in events_of(api, id) if e["kind"] == kind)


def test_an_interrupt_is_answered_at_the_moment_its_time_is_over(api: httpx.Client) -> None:
    ask = human("ask", timeout="2s", default="reject")
    id = begin(api, [ask], wait=False)["id"]
    run = ended(api, id)
    assert run["status"] == "completed"
    waited = moment(api, id, "interrupt.answered") - moment(api, id, "run.waiting")
    # Only an alarm can be earlier than the poll of the queue.
    assert waited.total_seconds() < POLL_SECONDS / 2


def test_what_finds_no_free_slot_is_taken_when_one_is_free_first_what_is_urgent(
    api: httpx.Client,
) -> None:
    # Pauses of a second or more would leave the slot.
    work = [pause(f"work{i}", *([f"work{i - 1}"] if i else []), seconds=0.9) for i in range(3)]
    first = begin(api, work, wait=False)["id"]
    late = begin(api, [pause("work")], wait=False, priority=20)["id"]
    soon = begin(api, [pause("work")], wait=False, priority=1)["id"]
    assert [run_of(api, id)["status"] for id in (late, soon)] == ["pending", "pending"]
    assert [ended(api, id)["status"] for id in (first, soon, late)] == ["completed"] * 3
    began = [moment(api, id, "run.started") for id in (first, soon, late)]
    assert began == sorted(began)
    assert (began[2] - began[0]).total_seconds() < POLL_SECONDS / 2
