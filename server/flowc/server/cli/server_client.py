"""Talks to a running flowc server over its HTTP API."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Self

import httpx

from flowc.client import FlowcClient, RequestRefused, ServerTooSlow, ServerUnreachable
from flowc.client.requests import ApiRequest, body_of, segment

DEFAULT_URL = "http://127.0.0.1:8000"


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
        http = httpx.Client(trust_env=not is_this_machine(parsed.host))
        self._client = FlowcClient(url, key, retries=1, http=http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return self.url

    def runs(self, workflow: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
        """Return runs without their nodes, newest first."""
        with _problems(self.url):
            found = self._client.runs(limit=limit, workflow_id=workflow, status=status)
            return [dict(each) for each in found]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run with its nodes."""
        return dict(self._call("GET", f"/runs/{segment(run_id)}"))

    def interrupts(self, run_id: str) -> list[dict[str, Any]]:
        """Return what an existing run waits for, oldest first."""
        return list(self._call("GET", "/interrupts", params={"run_id": run_id}))

    def cancel(self, run_id: str, reason: str | None) -> dict[str, Any]:
        """Cancel a run, and return it."""
        path = f"/runs/{segment(run_id)}/cancel"
        return dict(self._call("POST", path, json={"reason": reason}))

    def answer(self, interrupt_id: str, answer: Any) -> dict[str, Any]:
        """Answer a question, and return it with its answer."""
        path = f"/interrupts/{segment(interrupt_id)}/answer"
        return dict(self._call("POST", path, json={"answer": answer}))

    def store_workflow(self, workflow_id: str | None, text: str, format: str) -> dict[str, Any]:
        """Store a definition as a new workflow, or as the newest version of the one it names.

        The text is stored as it is, with its comments; its format is `yaml` or `json`.
        """
        with _problems(self.url):
            return dict(self._client.store(workflow_id, text, format))

    def import_workflows(self, bundle: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        """Store the workflows of a bundle, or return what that would do."""
        params = {"dry_run": dry_run}
        return dict(self._call("POST", "/workflows/import", json=bundle, params=params))

    def workflow_ids(self, label: str | None = None) -> list[str]:
        """Return the ids of all workflows, or of those with a label, sorted."""
        with _problems(self.url):
            return [each["id"] for each in self._client.workflows(label=label, fields="id")]

    def source(self, workflow_id: str) -> tuple[str, str]:
        """Return the text of a workflow's definition, and its format."""
        with _problems(self.url):
            path = f"/workflows/{segment(workflow_id)}/source"
            response = self._client.send(ApiRequest("GET", path))
            if response.is_error:
                body_of(response)
        is_json = response.headers["content-type"].startswith("application/json")
        return response.text, "json" if is_json else "yaml"

    def cases(self, workflow_id: str) -> str | None:
        """Return the cases of a workflow as the text of a case file; None if it has none."""
        with _problems(self.url):
            path = f"/workflows/{segment(workflow_id)}/cases"
            response = self._client.send(ApiRequest("GET", path, params={"format": "yaml"}))
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            if response.is_error:
                body_of(response)
        return response.text

    def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow."""
        self._call("DELETE", f"/workflows/{segment(workflow_id)}")

    def create_key(self, about: dict[str, Any]) -> dict[str, Any]:
        """Create an API key; the answer is the only one that has it."""
        return dict(self._call("POST", "/keys", json=about))

    def keys(self, tenant: str | None = None) -> list[dict[str, Any]]:
        """Return all API keys of a tenant, or of the caller's, newest first."""
        return list(self._call("GET", "/keys", params=_of_tenant(tenant)))

    def revoke_key(self, key_id: str, tenant: str | None = None) -> dict[str, Any]:
        """Revoke an API key, and return it."""
        path = f"/keys/{segment(key_id)}"
        return dict(self._call("DELETE", path, params=_of_tenant(tenant)))

    def set_secret(self, name: str, about: dict[str, Any], tenant: str | None) -> dict[str, Any]:
        """Set a secret, and return what is shown of it."""
        path = f"/secrets/{segment(name)}"
        return dict(self._call("PUT", path, json=about, params=_of_tenant(tenant)))

    def secrets(self, tenant: str | None) -> dict[str, Any]:
        """Return the secrets of a tenant, or of the caller's, without their values."""
        return dict(self._call("GET", "/secrets", params=_of_tenant(tenant)))

    def delete_secret(self, name: str, tenant: str | None) -> None:
        """Delete a secret."""
        path = f"/secrets/{segment(name)}"
        self._call("DELETE", path, params=_of_tenant(tenant))

    def rotate_secrets(self, tenant: str | None) -> dict[str, Any]:
        """Seal secrets with the newest key."""
        return dict(self._call("POST", "/secrets/rotate", params=_of_tenant(tenant)))

    def events(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield a run's events as they happen, until it ends."""
        with _problems(self.url):
            for event in self._client.events(run_id):
                yield dict(event)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        with _problems(self.url):
            return self._client.ask(ApiRequest(method, path, **request))


@contextmanager
def _problems(url: str) -> Iterator[None]:
    """Raise ServerProblem, with what to do, for what the client raises."""
    try:
        yield
    except ServerTooSlow as problem:
        raise ServerProblem(str(problem)) from None
    except ServerUnreachable:
        raise ServerProblem(
            f"No server answers at {url}. Start one with `flowc serve`, or name another"
            " with --server."
        ) from None
    except RequestRefused as refused:
        message = refused.message
        if refused.code == "unauthenticated":
            message += (
                " The command sends FLOWC_API_KEY, or the key in `admin-key` of the data folder."
            )
        if not refused.is_flowc or refused.code == "not-found":
            message = f"{url} is not a flowc server (HTTP status {refused.status})."
        raise ServerProblem(
            _sentence(message, refused.details), refused.code, refused.details
        ) from None


def _of_tenant(tenant: str | None) -> dict[str, str]:
    return {} if tenant is None else {"tenant": tenant}


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
