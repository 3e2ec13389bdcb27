"""The Python client: typed answers, streams, and retries that do nothing twice."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from fakes.processes import free_port
from fakes.runs_api import API, human, pause
from flowc.client import (
    AsyncFlowcClient,
    FlowcClient,
    RequestRefused,
    ServerUnreachable,
)

SAY = "nodes: [{id: say, type: template, config: {template: 'Hi {{input.name}}'}}]\n"
ASK = {"nodes": [human("ask", title="Ship it?"), pause("after", "ask")]}


@contextmanager
def proxy(server: str, *plan: str | int) -> Iterator[tuple[str, list[str]]]:
    """Pass requests on to a server, but for the first ones: each is dropped, lost or refused.

    `drop` does not pass a request on; `lose` does, and drops the answer; a number is the status
    of an answer that the proxy gives itself. Yields the address, and what was passed on.
    """
    left, passed = list(plan), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_ANY(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            what = left.pop(0) if left else "pass"
            if isinstance(what, int):
                self.send_response(what)
                self.send_header("content-length", "0")
                self.send_header("retry-after", "0")
                self.end_headers()
                return
            if what == "drop":
                self.close_connection = True
                return
            passed.append(f"{self.command} {self.path}")
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            answer = httpx.request(
                self.command, f"{server}{self.path}", content=body, headers=headers
            )
            if what == "lose":
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers.get("content-type", ""))
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = do_ANY

        def log_message(self, format: str, *args: Any) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}", passed
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def base(api: httpx.Client) -> str:
    return str(api.base_url).rstrip("/")


def test_workflows_and_runs_with_the_client(api: httpx.Client) -> None:
    with FlowcClient(base(api)) as client:
        stored = client.store("says", SAY, message="The first.")
        assert (stored["version"], stored["message"]) == (1, "The first.")
        assert stored.get("warnings") == []
        run = client.execute("says", {"name": "Ada"})
        assert (run["status"], run["output"]) == ("completed", {"text": "Hi Ada"})
        assert client.execute("says@1", {"name": "Grace"})["output"] == {"text": "Hi Grace"}
        assert client.workflow("says")["active_version"] == 1
        assert [each["id"] for each in client.workflows(q="says", fields="id")] == ["says"]
        for number in range(3):
            client.execute("says", {"name": str(number)})
        runs = list(client.runs(workflow_id="says", limit=4))
        assert (len(runs), runs[-1]["input"]) == (4, {"name": "Grace"})
        same = [client.execute("says", {"name": "x"}, key="one")["id"] for _ in range(2)]
        assert same[0] == same[1]
        client.delete_workflow("says")
        with pytest.raises(RequestRefused) as refused:
            client.execute("says")
        problem = refused.value
        assert (problem.status, problem.code) == (404, "no-such-workflow")
        assert problem.request_id


def test_a_question_is_answered_and_a_run_watched_to_its_end(api: httpx.Client) -> None:
    api.put(f"{API}/workflows/asks", json=ASK).raise_for_status()
    with FlowcClient(base(api)) as client:
        run = client.execute("asks", wait=False)
        kinds = []
        for event in client.events(run["id"]):
            kinds.append(event["kind"])
            if event["kind"] == "run.waiting":
                (question,) = client.interrupts(run_id=run["id"])
                answered = client.answer(question["id"], "approve")
                assert (answered["status"], answered["run_id"]) == ("answered", run["id"])
        assert kinds[-1] == "run.completed"
        assert client.wait(run["id"])["nodes"]["after"]["status"] == "completed"
        other = client.execute("asks")
        assert client.cancel(other["id"], "Enough.")["status"] == "cancelled"


CASE = {"name": "one", "input": {"name": "Ada"}, "expect": {"output": {"text": "Hi Ada"}}}


def test_cases_are_stored_and_run_with_the_client(api: httpx.Client) -> None:
    with FlowcClient(str(api.base_url)) as client:
        client.store("cased", SAY)
        assert client.store_cases("cased", [CASE])["cases"][0]["name"] == "one"
        other = {**CASE, "name": "other", "expect": {"output": {"text": "Hi Bob"}}}
        client.store_cases("cased", [*client.cases("cased")["cases"], other])
        ran = client.run_cases("cased", ["one"], timeout=30, version=1)
        assert (ran["passed"], ran["failed"]) == (1, 0)
        found = client.cases("cased")["cases"]
        assert found[0]["last_result"] is not None and found[1]["last_result"] is None


async def test_cases_with_an_event_loop(api: httpx.Client) -> None:
    async with AsyncFlowcClient(str(api.base_url)) as client:
        await client.store("cased", SAY)
        text = "workflow: cased.yaml\ncases: [{name: one, input: {name: Ada}, expect: {status: failed}}]\n"
        await client.store_cases("cased", text)
        ran = await client.run_cases("cased")
        assert ran["results"][0]["problems"]
        last = (await client.cases("cased"))["cases"][0]["last_result"]
        assert last is not None and last["status"] == "failed"


async def test_a_text_is_checked_and_a_node_renamed(api: httpx.Client) -> None:
    with FlowcClient(base(api)) as client:
        found = client.check(SAY, names_at="say")
        assert (found["is_valid"], found["graph"]["nodes"][0]["id"]) == (True, "say")
        assert client.rename(SAY, "say", "greet") == SAY.replace("say", "greet")
        with pytest.raises(RequestRefused) as refused:
            client.rename(SAY, "none", "greet")
        assert refused.value.code == "definition-refused"
    async with AsyncFlowcClient(base(api)) as client:
        assert (await client.check('{"nodes": [', "json"))["graph"] is None
        assert await client.rename(SAY, "say", "greet") == SAY.replace("say", "greet")


async def test_the_same_with_an_event_loop(api: httpx.Client) -> None:
    api.put(f"{API}/workflows/asks", json=ASK).raise_for_status()
    async with AsyncFlowcClient(base(api)) as client:
        run = await client.execute("asks", wait=False)
        async for event in client.events(run["id"]):
            if event["kind"] == "run.waiting":
                (question,) = await client.interrupts(run_id=run["id"])
                await client.answer(question["id"], "approve")
        done = await client.wait(run["id"])
        assert done["status"] == "completed"
        found = [each["id"] async for each in client.runs(workflow_id="asks", limit=1)]
        assert found == [run["id"]]
        with pytest.raises(RequestRefused):
            await client.run("none")


@pytest.mark.parametrize("plan", [("drop",), ("lose",), (503, "lose", 429), ("lose", "lose")])
def test_a_run_whose_answer_was_lost_is_started_once(
    api: httpx.Client, plan: tuple[str | int, ...]
) -> None:
    id = "-".join(map(str, plan))
    with FlowcClient(base(api)) as client:
        client.store(id, SAY)
    with proxy(base(api), *plan) as (url, passed), FlowcClient(url) as client:
        run = client.execute(id, {"name": "Ada"})
        assert run["output"] == {"text": "Hi Ada"}
        assert len(passed) == 1 + plan.count("lose")
    assert api.get(f"{API}/runs", params={"workflow_id": id}).json()["total"] == 1


async def test_a_run_is_started_once_with_an_event_loop_too(api: httpx.Client) -> None:
    with proxy(base(api), "lose", 503) as (url, _):
        async with AsyncFlowcClient(url) as client:
            await client.store("once", SAY)
            run = await client.execute("once", {"name": "Ada"})
    found = api.get(f"{API}/runs", params={"workflow_id": "once"}).json()["items"]
    assert [each["id"] for each in found] == [run["id"]]


def test_what_could_be_done_twice_is_not_sent_again(api: httpx.Client) -> None:
    api.put(f"{API}/workflows/asks", json=ASK).raise_for_status()
    with proxy(base(api), "lose") as (url, passed), FlowcClient(url) as client:
        with pytest.raises(ServerUnreachable):
            client.cancel("none")
        assert len(passed) == 1
    with proxy(base(api), 503, 503, 503, 503) as (url, _), FlowcClient(url, retries=2) as client:
        with pytest.raises(RequestRefused) as refused:
            client.run("none")
        assert (refused.value.status, refused.value.is_flowc) == (503, False)


def test_a_server_that_is_not_there_is_named() -> None:
    port = free_port()
    client = FlowcClient(f"http://127.0.0.1:{port}", retries=0)
    with client, pytest.raises(ServerUnreachable, match=f"127.0.0.1:{port}"):
        client.run("x")
