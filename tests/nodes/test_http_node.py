"""The `http` node, with a real server."""

from typing import Any

import pytest

from fakes.flows import Ran, run
from fakes.loopback import Reply, Request, Server, reply_json, serving
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.outside.http import Http
from flowc.nodes.outside.http_failures import retry_after
from flowc.nodes.services.egress import EgressPolicy, HttpClient

pytestmark = pytest.mark.usefixtures("granularity")

LOOPBACK = EgressPolicy.of_rules({"127.0.0.1/32": []})


async def call(server: Server, given: Any = None, node: Any = None, **config: Any) -> Ran:
    client = HttpClient(LOOPBACK)
    url = server.url + config.pop("path", "/")
    workflow = {
        "nodes": [{"id": "call", "type": "http", "config": {"url": url, **config}, **(node or {})}]
    }
    try:
        return await run(workflow, given, {HttpClient: client})
    finally:
        await client.aclose()


async def test_the_configured_request_is_sent_and_json_is_parsed() -> None:
    with serving(lambda request: reply_json({"ok": True})) as server:
        ran = await call(
            server,
            {"n": 3, "names": ["a", "b"]},
            path="/items?fixed=1",
            method="PUT",
            headers={"x-count": "{{input.n}}"},
            query={"name": "{{input.names}}"},
            body={"n": "{{input.n}}"},
        )
    [request] = server.requests
    assert (request.method, request.path) == ("PUT", "/items?fixed=1&name=a&name=b")
    assert request.headers["x-count"] == "3"
    assert request.json == {"n": 3}
    assert ran.output["status_code"] == 200
    assert ran.output["body"] == {"ok": True}


async def test_a_large_body_is_json_up_to_as_many_values_as_can_be_stored() -> None:
    bodies = {"/large": b"[" + b"1.5," * 50_000 + b"2]", "/huge": b"[" + b"[]," * 400_000 + b"1]"}

    def answer(request: Request) -> Reply:
        return Reply(200, bodies[request.path], {"content-type": "application/json"})

    with serving(answer) as server:
        assert (await call(server, path="/large")).output["body"] == [*[1.5] * 50_000, 2]
        with pytest.raises(NodeFailed) as caught:
            await call(server, path="/huge")
    assert (caught.value.code, "400,000 values" in str(caught.value)) == ("output-not-plain", True)


async def test_a_body_that_is_not_json_is_text() -> None:
    def answer(request: Request) -> Reply:
        kind = "text/plain; charset=latin-1" if request.path == "/t" else "application/json"
        return Reply(
            200, "é{".encode("latin-1" if request.path == "/t" else "utf-8"), {"content-type": kind}
        )

    with serving(answer) as server:
        assert (await call(server, path="/t")).output["body"] == "é{"
        assert (await call(server, path="/j")).output["body"] == "é{"


async def test_a_status_of_400_or_above_fails_the_node_unless_it_is_allowed() -> None:
    with serving(lambda request: Reply(404, b"no such thing")) as server:
        with pytest.raises(NodeFailed, match="answered 404: no such thing"):
            await call(server)
        assert (await call(server, raise_for_status=False)).output["status_code"] == 404


async def test_a_failed_call_is_retried_as_configured() -> None:
    answers = iter(
        [Reply(503), Reply(429, headers={"retry-after": "0"}), reply_json({"third": True})]
    )
    with serving(lambda request: next(answers)) as server:
        retry = {"max_attempts": 3, "initial_delay": 0.01, "jitter": False}
        ran = await call(server, node={"retry": retry})
    assert ran.output["body"] == {"third": True}
    assert ran.times("node.retrying")["call"] == 2
    assert next(e for e in ran.events if e.kind == "node.completed").data["attempts"] == 3


async def test_a_bad_request_is_not_retried() -> None:
    with serving(lambda request: Reply(400)) as server, pytest.raises(NodeFailed):
        await call(server, node={"retry": {"max_attempts": 3, "initial_delay": 0.01}})
    assert len(server.requests) == 1


async def test_an_address_that_is_not_allowed_fails_the_node_with_a_reason() -> None:
    client = HttpClient()
    workflow = {"nodes": [{"id": "call", "type": "http", "config": {"url": "http://10.0.0.1/"}}]}
    with pytest.raises(NodeFailed, match="not allowed") as caught:
        await run(workflow, services={HttpClient: client})
    assert caught.value.code == "egress-denied"
    await client.aclose()


async def test_redirects_are_followed_up_to_max_redirects() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/to":
            return reply_json({"here": True})
        return Reply(302, headers={"location": "/to"})

    with serving(answer) as server:
        assert (await call(server, max_redirects=1)).output["body"] == {"here": True}
        assert (await call(server)).output["body"] == {"here": True}
        with pytest.raises(NodeFailed, match="302, a redirect to '/to' that was not followed"):
            await call(server, max_redirects=0)
        unfollowed = await call(server, max_redirects=0, raise_for_status=False)
        assert unfollowed.output["status_code"] == 302


async def test_no_response_in_time_is_a_timeout() -> None:
    import time

    def late(request: Request) -> Reply:
        time.sleep(0.4)
        return Reply()

    with serving(late) as server, pytest.raises(NodeFailed) as caught:
        await call(server, timeout=0.1)
    assert caught.value.code == "timeout"


def test_retry_after_can_be_a_number_or_a_date() -> None:
    assert retry_after("7") == 7.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_its_output_schema_names_every_field() -> None:
    assert set(Http.model_json_schema()["properties"]) >= {"url", "method", "headers", "body"}
