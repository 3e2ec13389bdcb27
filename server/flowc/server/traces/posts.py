"""Posts what observers get, in the thread that exports spans."""

import logging
import threading
from collections.abc import Mapping
from typing import NamedTuple

import httpx

log = logging.getLogger(__name__)

_SECONDS = 10.0
# Seconds before a post is tried again that the service could not take. A process that stops waits.
_PAUSE = 1.0
_MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})


class _NotTaken(NamedTuple):
    why: str
    may_pass: bool


class Posts:
    """Posts to one URL of a service; what it does not take in two attempts is lost."""

    def __init__(self, name: str, url: str, headers: Mapping[str, str]) -> None:
        self._name, self._url = name, url
        self._client = httpx.Client(headers=headers, timeout=_SECONDS)
        self._closing = threading.Event()

    def post(self, body: bytes) -> bool:
        """Post a body; return whether the service has taken it."""
        problem = self._try(body)
        if problem is not None and problem.may_pass and not self._closing.wait(_PAUSE):
            problem = self._try(body)
        if problem is not None:
            log.warning("%s did not take what was sent to it: %s", self._name, problem.why)
        return problem is None

    def _try(self, body: bytes) -> "_NotTaken | None":
        try:
            answer = self._client.post(self._url, content=body)
        except httpx.HTTPError as problem:
            return _NotTaken(type(problem).__name__, may_pass=True)
        if answer.is_success:
            return None
        return _NotTaken(f"status {answer.status_code}", answer.status_code in _MAY_PASS)

    def close(self) -> None:
        """Try nothing again, and close the connections."""
        self._closing.set()
        self._client.close()
