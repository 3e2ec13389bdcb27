"""Requests of a client, without sending them: what is asked, and what may be asked again.

A request may be sent again if the first one may not have arrived: it changes nothing, or it changes
the same thing to the same, or the server knows it by its idempotency key.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from flowc.client.problems import RequestRefused

API = "/api/v1"
# A server that stops or a proxy without one answers with these, and one that limits rates.
_PASSING = frozenset({429, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
# Seconds before the first, the second, … time that a request is sent again.
_PAUSES = (0.2, 0.5, 1.0, 2.0)
# The longest time that a server may ask for before a request is sent again.
_LONGEST = 30.0


@dataclass(frozen=True)
class ApiRequest:
    """One request to the API, below its base."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent again without being done twice."""
        return self.method in _REPEATABLE or "idempotency-key" in self.headers

    def arguments(self) -> dict[str, Any]:
        """Return what httpx needs of it, beside the method and the URL."""
        found: dict[str, Any] = {"headers": dict(self.headers)}
        if self.params:
            found["params"] = {k: v for k, v in self.params.items() if v is not None}
        if self.json is not None:
            found["json"] = self.json
        if self.content is not None:
            found["content"] = self.content
        return found


def execution(
    workflow_id: str, given: Mapping[str, Any] | None, key: str | None, options: Mapping[str, Any]
) -> ApiRequest:
    """Return the request that starts a run; without a key, it gets one of its own."""
    body = {"input": dict(given or {}), **options}
    headers = {"idempotency-key": key or uuid.uuid4().hex}
    return ApiRequest(
        "POST", f"/workflows/{segment(workflow_id)}/execute", json=body, headers=headers
    )


def storing_cases(workflow_id: str, cases: Sequence[Mapping[str, Any]] | str) -> ApiRequest:
    """Return the request that replaces the cases of a workflow: a list, or the text of a file."""
    path = f"/workflows/{segment(workflow_id)}/cases"
    if isinstance(cases, str):
        headers = {"content-type": "application/yaml"}
        return ApiRequest("PUT", path, content=cases.encode(), headers=headers)
    return ApiRequest("PUT", path, json={"cases": [dict(each) for each in cases]})


def case_runs(
    workflow_id: str, names: Sequence[str] | None, timeout: float | None, version: int | None
) -> ApiRequest:
    """Return the request that runs cases of a workflow: those with some names, or all."""
    body = {"names": None if names is None else list(names)}
    more = {} if timeout is None else {"timeout": timeout}
    path = f"/workflows/{segment(workflow_id)}/cases/run"
    return ApiRequest("POST", path, params={"version": version}, json={**body, **more})


def storing(workflow_id: str | None, text: str, format: str, message: str | None) -> ApiRequest:
    """Return the request that stores a definition; its `format` is `yaml` or `json`."""
    path = "/workflows" if workflow_id is None else f"/workflows/{segment(workflow_id)}"
    return ApiRequest(
        "POST" if workflow_id is None else "PUT",
        path,
        params={"message": message},
        content=text.encode(),
        headers={"content-type": f"application/{format}"},
    )


def segment(text: str) -> str:
    """Return a text as one segment of a path; `@` names the version of a workflow."""
    return quote(text, safe="@")


def pause_before(
    request: ApiRequest, attempt: int, most: int, response: httpx.Response | None
) -> float | None:
    """Return the seconds before a request is sent again; None if it is not.

    Without a response, the server could not be reached. `attempt` counts from 1.
    """
    if attempt > most or not request.is_repeatable:
        return None
    if response is None:
        return _PAUSES[min(attempt, len(_PAUSES)) - 1]
    if response.status_code not in _PASSING:
        return None
    asked = response.headers.get("retry-after", "")
    if asked.isdecimal():
        return float(asked) if float(asked) <= _LONGEST else None
    return _PAUSES[min(attempt, len(_PAUSES)) - 1]


def body_of(response: httpx.Response) -> Any:
    """Return the JSON of a response; raise RequestRefused."""
    try:
        body: Any = response.json() if response.content else None
        if response.is_success:
            return body
        error = body["error"]
        raise RequestRefused(
            response.status_code,
            str(error["code"]),
            str(error["message"]),
            error["details"],
            error.get("request_id"),
        )
    except (ValueError, KeyError, TypeError):
        message = f"The answer is not that of a flowc server (status {response.status_code})."
        raise RequestRefused(response.status_code, "", message, is_flowc=False) from None


class EventLines:
    """Reads server-sent events from the bytes of a stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        r"""Return the events that end with these bytes.

        >>> lines = EventLines()
        >>> lines.feed(b'id: 1\nda'), lines.feed(b'ta: {"number": 1}\n\n')
        ([], [{'number': 1}])
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [
            json.loads(line.removeprefix(b"data:")) for line in lines if line.startswith(b"data:")
        ]
