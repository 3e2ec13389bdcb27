"""Requests that race: the first answer counts, and the connections of the others are closed."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes.flows import run
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.nodes.services.egress import EgressPolicy, HttpClient

pytestmark = pytest.mark.usefixtures("granularity")

Services = dict[type, Any]


@pytest.fixture
async def loopback() -> AsyncIterator[Services]:
    client = HttpClient(EgressPolicy.of_rules({"127.0.0.1": []}))
    yield {HttpClient: client}
    await client.aclose()


class Service:
    """Fails, answers once the slow path is called, or sends a body until the client goes away."""

    def __init__(self) -> None:
        self.is_asked, self.is_left = threading.Event(), threading.Event()

    def answer(self, request: Request) -> Reply:
        if request.path == "/slow":
            return Reply(headers={"content-type": "text/plain"}, send=self._never_ends)
        if request.path == "/fast":
            self.is_asked.wait(30)
        return reply_json({"who": request.path[1:]}, 500 if request.path == "/broken" else 200)

    def _never_ends(self, stream: Any) -> None:
        self.is_asked.set()
        try:
            while True:
                stream.write(b".")
                stream.flush()
                time.sleep(0.01)
        except OSError:
            self.is_left.set()


def call(id: str, url: str, *after: str, **more: Any) -> dict[str, Any]:
    config = {"url": f"{url}/{id}"}
    return {"id": id, "type": "http", "config": config, "depends_on": list(after), **more}


START = {"id": "begin", "type": "start"}


def pick(template: str, *after: str, join: Any = "first") -> dict[str, Any]:
    config = {"data": template}
    return {
        "id": "pick",
        "type": "merge",
        "join": join,
        "depends_on": list(after),
        "config": config,
    }


async def test_the_fast_answer_counts_and_the_other_request_is_cancelled(
    loopback: Services,
) -> None:
    service = Service()
    with serving(service.answer) as server:
        nodes = [
            START,
            call("fast", server.url, "begin"),
            call("slow", server.url, "begin"),
            pick("{{fast.output.body.who|default('slow')}}", "fast", "slow"),
        ]
        ran = await run({"nodes": nodes}, services=loopback)
        assert ran.output == "fast"
        assert ran.times("node.cancelled") == {"slow": 1}
        assert await asyncio.to_thread(service.is_left.wait, 30)


@pytest.mark.parametrize("on_error", ["fail", {"goto": "note"}])
async def test_one_that_fails_at_once_does_not_win(on_error: Any, loopback: Services) -> None:
    with serving(Service().answer) as server:
        broken = call("broken", server.url, "begin", on_error=on_error, retry={"max_attempts": 1})
        note = {"id": "note", "type": "template", "config": {"template": "failed"}}
        more = [note] if on_error != "fail" else []
        nodes = [START, broken, call("sound", server.url, "begin"), *more]
        reads = pick("{{sound.output.body.who|default('none')}}", "broken", "sound")
        ran = await run({"nodes": [*nodes, reads]}, services=loopback)
        assert ran.outputs["pick"] == "sound"


async def test_a_request_races_against_a_time_limit(loopback: Services) -> None:
    service = Service()
    with serving(service.answer) as server:
        limit = {"id": "limit", "type": "wait", "config": {"for": 0.05}, "depends_on": ["begin"]}
        reads = pick("{{'in time' if slow is defined else 'too late'}}", "slow", "limit")
        nodes = [START, call("slow", server.url, "begin"), limit, reads]
        ran = await run({"nodes": nodes}, services=loopback)
        assert ran.output == "too late"
