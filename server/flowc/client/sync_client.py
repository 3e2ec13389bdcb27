"""A client that waits for each answer."""

import time
from collections.abc import Iterator, Mapping, Sequence
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

RECONNECT_SECONDS = 0.5


class FlowcClient:
    """A connection to one server; close it when done, or use it in a `with` block.

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
        http: httpx.Client | None = None,
    ) -> None:
        self.url, self._timeout, self._retries = url.rstrip("/"), timeout, retries
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = http or httpx.Client()
        self._http.headers.update(headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def execute(
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
        return cast(ExecutionAnswer, self.ask(execution(workflow_id, given, key, options)))

    def run(self, run_id: str) -> RunAnswer:
        """Return a run with its nodes."""
        return cast(RunAnswer, self.ask(ApiRequest("GET", f"/runs/{segment(run_id)}")))

    def runs(self, *, limit: int | None = None, **filters: Any) -> Iterator[RunAnswer]:
        """Yield runs without their nodes, newest first: `workflow_id=`, `status=`, `q=`, …"""
        return cast(Iterator[RunAnswer], self.items("/runs", limit, **filters))

    def cancel(self, run_id: str, reason: str | None = None) -> RunAnswer:
        """Cancel a run, and return it."""
        request = ApiRequest("POST", f"/runs/{segment(run_id)}/cancel", json={"reason": reason})
        return cast(RunAnswer, self.ask(request))

    def events(self, run_id: str, after: int = 0) -> Iterator[EventOfRun]:
        """Yield a run's events as they happen, until it ends; broken connections are renewed."""
        while True:
            for event in self._stream(f"/runs/{segment(run_id)}/events", {"after": after}):
                after = event["number"]
                yield cast(EventOfRun, event)
            # The stream also ends when a proxy or a stopping server closes it.
            if self.run(run_id)["status"] in ENDED:
                return
            time.sleep(RECONNECT_SECONDS)

    def wait(self, run_id: str) -> RunAnswer:
        """Return a run when it has ended."""
        for _ in self.events(run_id):
            pass
        return self.run(run_id)

    def interrupts(self, **filters: Any) -> list[AnsweredInterrupt]:
        """Return what runs wait for, oldest first: `run_id=`, `kind=`, `status=`."""
        request = ApiRequest("GET", "/interrupts", params=filters)
        return cast(list[AnsweredInterrupt], self.ask(request))

    def answer(self, interrupt_id: str, answer: Any) -> AnsweredInterrupt:
        """Answer a question, and return it with its answer."""
        path = f"/interrupts/{segment(interrupt_id)}/answer"
        request = ApiRequest("POST", path, json={"answer": answer})
        return cast(AnsweredInterrupt, self.ask(request))

    def store(
        self,
        workflow_id: str | None,
        text: str,
        format: str = "yaml",
        message: str | None = None,
    ) -> WorkflowAnswer:
        """Store the text of a definition, YAML or JSON, as a workflow or its newest version."""
        request = storing(workflow_id, text, format, message)
        return cast(WorkflowAnswer, self.ask(request))

    def check(self, text: str, format: str = "yaml", **options: Any) -> dict[str, Any]:
        """Return the diagnostics of a definition's text, its graph, and what a run would do.

        `options` are the other fields of the request: `id=`, `names_at=`.
        """
        body = {"source": text, "format": format, **options}
        request = ApiRequest("POST", "/workflows/check", json=body)
        return cast(dict[str, Any], self.ask(request))

    def rename(self, text: str, node: str, to: str, format: str = "yaml") -> str:
        """Return a definition's text with another id of a node, wherever it is named."""
        body = {"source": text, "format": format, "node": node, "to": to}
        answer = self.ask(ApiRequest("POST", "/workflows/rename", json=body))
        return cast(str, answer["source"])

    def workflow(self, workflow_id: str) -> WorkflowAnswer:
        """Return a workflow, or a version of it (`support@3`)."""
        request = ApiRequest("GET", f"/workflows/{segment(workflow_id)}")
        return cast(WorkflowAnswer, self.ask(request))

    def workflows(self, *, limit: int | None = None, **filters: Any) -> Iterator[WorkflowAnswer]:
        """Yield workflows: `q=`, `label=`, `sort=`, …"""
        return cast(Iterator[WorkflowAnswer], self.items("/workflows", limit, **filters))

    def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow; its runs stay."""
        self.ask(ApiRequest("DELETE", f"/workflows/{segment(workflow_id)}"))

    def cases(self, workflow_id: str) -> CasesAnswer:
        """Return the cases of a workflow, each with its last result."""
        request = ApiRequest("GET", f"/workflows/{segment(workflow_id)}/cases")
        return cast(CasesAnswer, self.ask(request))

    def store_cases(
        self, workflow_id: str, cases: Sequence[Mapping[str, Any]] | str
    ) -> CasesAnswer:
        """Replace the cases of a workflow: a list of cases, or the YAML text of a case file."""
        return cast(CasesAnswer, self.ask(storing_cases(workflow_id, cases)))

    def run_cases(
        self,
        workflow_id: str,
        names: Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        version: int | None = None,
    ) -> CaseRunsAnswer:
        """Run cases of a workflow on the server, by default all, within some seconds."""
        request = case_runs(workflow_id, names, timeout, version)
        return cast(CaseRunsAnswer, self.ask(request))

    def items(self, path: str, limit: int | None = None, **params: Any) -> Iterator[Any]:
        """Yield the items of a list of the API, page by page, up to a number of them."""
        left = limit
        while left is None or left > 0:
            size = 200 if left is None else min(left, 200)
            page = self.ask(ApiRequest("GET", path, params={**params, "limit": size}))
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            if page["next_cursor"] is None:
                return
            params["cursor"] = page["next_cursor"]

    def ask(self, request: ApiRequest) -> Any:
        """Send any request of the API, and return the JSON of the answer."""
        return body_of(self.send(request))

    def send(self, request: ApiRequest) -> httpx.Response:
        """Send a request, again if that may help; return the last response."""
        attempt = 0
        while True:
            attempt += 1
            response, problem = self._try(request)
            pause = pause_before(request, attempt, self._retries, response)
            if pause is None and response is not None:
                return response
            if pause is None:
                raise problem or ServerUnreachable(self.url)
            time.sleep(pause)

    def _try(self, request: ApiRequest) -> tuple[httpx.Response | None, Exception | None]:
        url = f"{self.url}{API}{request.path}"
        try:
            answer = self._http.request(
                request.method, url, timeout=self._timeout, **request.arguments()
            )
            return answer, None
        except httpx.TimeoutException:
            return None, ServerTooSlow(f"{self.url} did not answer within {self._timeout:g} s.")
        except httpx.TransportError as failure:
            return None, ServerUnreachable(f"No server answers at {self.url}: {failure}.")

    def _stream(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        lines = EventLines()
        try:
            with self._http.stream("GET", f"{self.url}{API}{path}", params=dict(params)) as answer:
                if answer.is_error:
                    answer.read()
                    body_of(answer)
                for chunk in answer.iter_bytes():
                    yield from lines.feed(chunk)
        except httpx.TransportError:
            return
