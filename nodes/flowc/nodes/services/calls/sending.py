"""Sends a request, and turns what may go wrong into failures of the node."""

from typing import Any
from urllib.parse import unquote, urlsplit

from flowc.compiler.definition import FailureKind
from flowc.compiler.node import NodeError
from flowc.nodes.services.egress import (
    EgressDenied,
    HeaderRefused,
    HttpClient,
    RedirectRefused,
    RequestFailed,
    Response,
    ResponseTooLarge,
    ResponseUnreadable,
)

_ODD = "Encode values in it, such as {{input.name | urlencode('')}}."


async def sent(client: HttpClient, method: str, url: str, **options: Any) -> Response:
    """Return the response to a request of `HttpClient.request`; raise NodeError.

    A call that takes too long raises TimeoutError.
    """
    require_own_path(url)
    try:
        return await client.request(method, url, **options)
    except HeaderRefused as problem:
        message = f"The call is not possible: {problem}."
        raise NodeError("invalid-header", message, field="headers") from None
    except RedirectRefused as problem:
        message = f"The call was not completed: {problem}."
        raise NodeError("redirect-refused", message, field="url", hint=problem.hint) from None
    except EgressDenied as problem:
        hint = problem.hint or (_ODD if "characters" in str(problem) else None)
        message = f"The call is not allowed: {problem}."
        raise NodeError("egress-denied", message, field="url", value=url, hint=hint) from None
    except ResponseTooLarge as problem:
        hint = "The node's `max_bytes` is the limit."
        message = f"The call was stopped: {problem}."
        raise NodeError("response-too-large", message, hint=hint) from None
    except ResponseUnreadable as problem:
        raise NodeError("response-unreadable", f"The call failed: {problem}.") from None
    except RequestFailed as problem:
        message = f"The call failed: {problem}."
        kind: FailureKind | None = None if problem.is_lasting else "connection"
        raise NodeError(problem.code, message, kind=kind, hint=problem.hint) from None


def require_own_path(url: str) -> None:
    """Raise NodeError for a path with `..` in it: a value would lead the call elsewhere."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return
    segments = {unquote(unquote(each)).partition(";")[0] for each in path.split("/")}
    if segments & {".", ".."}:
        message = "The call is not allowed: the URL has '.' or '..' as a part of its path."
        hint = "Write the address that it would lead to."
        raise NodeError("egress-denied", message, field="url", value=url, hint=hint)


def late(seconds: float, problem: TimeoutError) -> NodeError:
    """Return the failure of a call that took too long."""
    message = f"No response within {seconds:g} s."
    if str(problem).startswith("no connection"):
        message = f"No connection could be opened: {problem}."
    return NodeError("timeout", message, kind="timeout")
