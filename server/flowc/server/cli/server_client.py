"""Talks to a running flowc server over its HTTP API."""

import json
import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import quote

import httpx

from flowc.server.records.runs import ENDED

DEFAULT_URL = "http://127.0.0.1:8000"
_API = "/api/v1"
_TIMEOUT = 60.0
# The most runs that the API returns at once.
_PAGE = 200
_RECONNECT_SECONDS = 0.5


class ServerProblem(Exception):
    """The server cannot be reached, or refuses a request; `code` and `details` are its answer's."""

    def __init__(self, message: str, code: str = "", details: Iterable[Any] = ()) -> None:
        self.code, self.details = code, list(details)
        super().__init__(message)


class ServerClient:
    """A connection to one server; every method raises ServerProblem when a request fails."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL()
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ServerProblem(f"{url!r} is not a URL that starts with http:// or https://.")
        # A proxy named in the environment does not reach this machine's own server.
        headers = {"authorization": f"Bearer {key}"} if key else {}
        is_local = is_this_machine(parsed.host)
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=not is_local, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return self.url

    def runs(self, workflow: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
        """Return runs without their nodes, newest first."""
        found: list[dict[str, Any]] = []
        wanted = {"workflow_id": workflow, "status": status}
        given = {name: value for name, value in wanted.items() if value is not None}
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            page = self._call("GET", "/runs", params={**given, "limit": size, "offset": len(found)})
            found += page["items"]
            if len(page["items"]) < size:
                break
        return found

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run with its nodes."""
        return dict(self._call("GET", f"/runs/{quote(run_id, safe='')}"))

    def interrupts(self, run_id: str) -> list[dict[str, Any]]:
        """Return what an existing run waits for, oldest first."""
        return list(self._call("GET", "/interrupts", params={"run_id": run_id}))

    def cancel(self, run_id: str, reason: str | None) -> dict[str, Any]:
        """Cancel a run, and return it."""
        path = f"/runs/{quote(run_id, safe='')}/cancel"
        return dict(self._call("POST", path, json={"reason": reason}))

    def answer(self, interrupt_id: str, answer: Any) -> dict[str, Any]:
        """Answer a question, and return it with its answer."""
        path = f"/interrupts/{quote(interrupt_id, safe='')}/answer"
        return dict(self._call("POST", path, json={"answer": answer}))

    def store_workflow(self, workflow_id: str | None, definition: Any) -> dict[str, Any]:
        """Store a definition as a new workflow, or as the newest version of the one it names."""
        try:
            body = {"id": workflow_id, "definition": definition}
            return dict(self._call("POST", "/workflows", json=body))
        except ServerProblem as problem:
            if workflow_id is None or problem.code != "workflow-exists":
                raise
        path = f"/workflows/{quote(workflow_id, safe='')}"
        return dict(self._call("PUT", path, json={"definition": definition}))

    def create_key(self, about: dict[str, Any]) -> dict[str, Any]:
        """Create an API key; the answer is the only one that has it."""
        return dict(self._call("POST", "/keys", json=about))

    def keys(self) -> list[dict[str, Any]]:
        """Return all API keys, newest first."""
        return list(self._call("GET", "/keys"))

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        """Revoke an API key, and return it."""
        return dict(self._call("DELETE", f"/keys/{quote(key_id, safe='')}"))

    def events(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield a run's events as they happen, until it ends."""
        last = 0
        while True:
            for event in self._stream(run_id, last):
                last = event["number"]
                yield event
            # The stream also ends when a proxy or a stopping server closes it.
            if self.run(run_id)["status"] in ENDED:
                return
            time.sleep(_RECONNECT_SECONDS)

    def _stream(self, run_id: str, after: int) -> Iterator[dict[str, Any]]:
        url = f"{self.url}{_API}/runs/{quote(run_id, safe='')}/events"
        try:
            with self._http.stream("GET", url, params={"after": after}) as response:
                if response.is_error:
                    response.read()
                    self._body(response)
                for line in _lines(response.iter_bytes()):
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError:
            return

    def _call(self, method: str, path: str, **request: Any) -> Any:
        try:
            return self._body(self._http.request(method, f"{self.url}{_API}{path}", **request))
        except httpx.TimeoutException:
            raise ServerProblem(f"{self.url} did not answer within {_TIMEOUT:.0f} s.") from None
        except httpx.TransportError:
            message = (
                f"No server answers at {self.url}. Start one with `flowc serve`, or name another"
                " with --server."
            )
            raise ServerProblem(message) from None

    def _body(self, response: httpx.Response) -> Any:
        message, code, details = "", "", []
        try:
            body = response.json()
            if response.is_success:
                return body
            error = body["error"]
            message, code, details = error["message"], error["code"], error["details"]
        except (ValueError, KeyError, TypeError):
            code = "not-found"
        if code == "unauthenticated":
            message += (
                " The command sends FLOWC_API_KEY, or the key in `admin-key` of the data folder."
            )
        if code == "not-found":
            message = f"{self.url} is not a flowc server (HTTP status {response.status_code})."
        raise ServerProblem(_sentence(message, details), code, details)


def _sentence(message: str, details: list[Any]) -> str:
    """Return an error's message, with the first field that does not fit.

    >>> _sentence("The request is invalid.", [{"at": ["query", "status"], "message": "No state"}])
    'The request is invalid. status: No state.'
    """
    first = details[0] if details else None
    if isinstance(first, dict) and "at" in first:
        return f"{message} {'.'.join(first['at'][1:])}: {first['message'].rstrip('.')}."
    return message


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine.

    >>> is_this_machine("127.0.0.1"), is_this_machine("localhost"), is_this_machine("flowc.dev")
    (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    r"""Yield the lines of a byte stream, which end with \n alone.

    >>> list(_lines([b"id: 1\nda", b"ta: {}\n"]))
    ['id: 1', 'data: {}']
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)
