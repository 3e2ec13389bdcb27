"""A client for programs with an event loop: the same methods, to be awaited."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast

import httpx

from flowc.client.answers import (
    ENDED,
    AnsweredInterrupt,
    CaseRunsAnswer,
    CasesAnswer,
    EventOfRun,
    ExecutionAnswer,
    RunAnswer,
    WorkflowAnswer,
)
from flowc.client.problems import ServerTooSlow, ServerUnreachable
from flowc.client.requests import (
    API,
    ApiRequest,
    EventLines,
    body_of,
    case_runs,
    execution,
    pause_before,
    segment,
    storing,
    storing_cases,
)
from flowc.client.sync_client import RECONNECT_SECONDS


class AsyncFlowcClient:
    """A connection to one server; close it when done, or use it in an `async with` block.

    Each method raises RequestRefused if the server refuses, and ServerUnreachable if it does not
    answer. A request that is not done twice if it arrives twice is sent again, up to `retries`
    times, when the server cannot be reached, stops or asks for a pause; starts of runs have an
    idempotency key for that. `timeout` is in seconds, for each answer.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 3,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.url, self._timeout, self._retries = url.rstrip("/"), timeout, retries
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = http or httpx.AsyncClient()
        self._http.headers.update(headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def execute(
        self,
        workflow_id: str,
        given: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **options: Any,
    ) -> ExecutionAnswer:
        """Run a workflow, or a version of it (`support@3`), with an input; return the outcome.

        It is returned when the run has ended or waits. `options` are the other fields of the
        request, such as `wait=False`, `timeout=5` or `priority=1`. A `key` starts one run at most.
        """
        return cast(ExecutionAnswer, await self.ask(execution(workflow_id, given, key, options)))

    async def run(self, run_id: str) -> RunAnswer:
        """Return a run with its nodes."""
        return cast(RunAnswer, await self.ask(ApiRequest("GET", f"/runs/{segment(run_id)}")))

    def runs(self, *, limit: int | None = None, **filters: Any) -> AsyncIterator[RunAnswer]:
        """Yield runs without their nodes, newest first: `workflow_id=`, `status=`, `q=`, …"""
        return cast(AsyncIterator[RunAnswer], self.items("/runs", limit, **filters))

    async def cancel(self, run_id: str, reason: str | None = None) -> RunAnswer:
        """Cancel a run, and return it."""
        request = ApiRequest("POST", f"/runs/{segment(run_id)}/cancel", json={"reason": reason})
        return cast(RunAnswer, await self.ask(request))

    async def events(self, run_id: str, after: int = 0) -> AsyncIterator[EventOfRun]:
        """Yield a run's events as they happen, until it ends; broken connections are renewed."""
        while True:
            async for event in self._stream(f"/runs/{segment(run_id)}/events", {"after": after}):
                after = event["number"]
                yield cast(EventOfRun, event)
            # The stream also ends when a proxy or a stopping server closes it.
            if (await self.run(run_id))["status"] in ENDED:
                return
            await asyncio.sleep(RECONNECT_SECONDS)

    async def wait(self, run_id: str) -> RunAnswer:
        """Return a run when it has ended."""
        async for _ in self.events(run_id):
            pass
        return await self.run(run_id)

    async def interrupts(self, **filters: Any) -> list[AnsweredInterrupt]:
        """Return what runs wait for, oldest first: `run_id=`, `kind=`, `status=`."""
        request = ApiRequest("GET", "/interrupts", params=filters)
        return cast(list[AnsweredInterrupt], await self.ask(request))

    async def answer(self, interrupt_id: str, answer: Any) -> AnsweredInterrupt:
        """Answer a question, and return it with its answer."""
        path = f"/interrupts/{segment(interrupt_id)}/answer"
        request = ApiRequest("POST", path, json={"answer": answer})
        return cast(AnsweredInterrupt, await self.ask(request))

    async def store(
        self,
        workflow_id: str | None,
        text: str,
        format: str = "yaml",
        message: str | None = None,
    ) -> WorkflowAnswer:
        """Store the text of a definition, YAML or JSON, as a workflow or its newest version."""
        request = storing(workflow_id, text, format, message)
        return cast(WorkflowAnswer, await self.ask(request))

    async def check(self, text: str, format: str = "yaml", **options: Any) -> dict[str, Any]:
        """Return the diagnostics of a definition's text, its graph, and what a run would do.

        `options` are the other fields of the request: `id=`, `names_at=`.
        """
        body = {"source": text, "format": format, **options}
        request = ApiRequest("POST", "/workflows/check", json=body)
        return cast(dict[str, Any], await self.ask(request))

    async def rename(self, text: str, node: str, to: str, format: str = "yaml") -> str:
        """Return a definition's text with another id of a node, wherever it is named."""
        body = {"source": text, "format": format, "node": node, "to": to}
        answer = await self.ask(ApiRequest("POST", "/workflows/rename", json=body))
        return cast(str, answer["source"])

    async def workflow(self, workflow_id: str) -> WorkflowAnswer:
        """Return a workflow, or a version of it (`support@3`)."""
        request = ApiRequest("GET", f"/workflows/{segment(workflow_id)}")
        return cast(WorkflowAnswer, await self.ask(request))

    def workflows(
        self, *, limit: int | None = None, **filters: Any
    ) -> AsyncIterator[WorkflowAnswer]:
        """Yield workflows: `q=`, `label=`, `sort=`, …"""
        return cast(AsyncIterator[WorkflowAnswer], self.items("/workflows", limit, **filters))

    async def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow; its runs stay."""
        await self.ask(ApiRequest("DELETE", f"/workflows/{segment(workflow_id)}"))

    async def cases(self, workflow_id: str) -> CasesAnswer:
        """Return the cases of a workflow, each with its last result."""
        request = ApiRequest("GET", f"/workflows/{segment(workflow_id)}/cases")
        return cast(CasesAnswer, await self.ask(request))

    async def store_cases(
        self, workflow_id: str, cases: Sequence[Mapping[str, Any]] | str
    ) -> CasesAnswer:
        """Replace the cases of a workflow: a list of cases, or the YAML text of a case file."""
        return cast(CasesAnswer, await self.ask(storing_cases(workflow_id, cases)))

    async def run_cases(
        self,
        workflow_id: str,
        names: Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        version: int | None = None,
    ) -> CaseRunsAnswer:
        """Run cases of a workflow on the server, by default all, within some seconds."""
        request = case_runs(workflow_id, names, timeout, version)
        return cast(CaseRunsAnswer, await self.ask(request))

    async def items(self, path: str, limit: int | None = None, **params: Any) -> AsyncIterator[Any]:
        """Yield the items of a list of the API, page by page, up to a number of them."""
        left = limit
        while left is None or left > 0:
            size = 200 if left is None else min(left, 200)
            page = await self.ask(ApiRequest("GET", path, params={**params, "limit": size}))
            for item in page["items"]:
                yield item
            left = None if left is None else left - len(page["items"])
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]

    async def ask(self, request: ApiRequest) -> Any:
        """Send any request of the API, and return the JSON of the answer."""
        return body_of(await self.send(request))

    async def send(self, request: ApiRequest) -> httpx.Response:
        """Send a request, again if that may help; return the last response."""
        attempt = 0
        while True:
            attempt += 1
            response, problem = await self._try(request)
            pause = pause_before(request, attempt, self._retries, response)
            if pause is None and response is not None:
                return response
            if pause is None:
                raise problem or ServerUnreachable(self.url)
            await asyncio.sleep(pause)

    async def _try(self, request: ApiRequest) -> tuple[httpx.Response | None, Exception | None]:
        url = f"{self.url}{API}{request.path}"
        try:
            answer = await self._http.request(
                request.method, url, timeout=self._timeout, **request.arguments()
            )
            return answer, None
        except httpx.TimeoutException:
            return None, ServerTooSlow(f"{self.url} did not answer within {self._timeout:g} s.")
        except httpx.TransportError as failure:
            return None, ServerUnreachable(f"No server answers at {self.url}: {failure}.")

    async def _stream(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        lines = EventLines()
        try:
            async with self._http.stream(
                "GET", f"{self.url}{API}{path}", params=dict(params)
            ) as answer:
                if answer.is_error:
                    await answer.aread()
                    body_of(answer)
                async for chunk in answer.aiter_bytes():
                    for event in lines.feed(chunk):
                        yield event
        except httpx.TransportError:
            return
