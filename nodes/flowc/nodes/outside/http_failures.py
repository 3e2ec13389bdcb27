"""Names the failure that the status of a response means, and whether another attempt may help."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from flowc.compiler.definition import FailureKind
from flowc.compiler.node import NodeError
from flowc.nodes.services.calls.answers import error_body, error_text
from flowc.nodes.services.egress import Response

# Another attempt may succeed after these, and after all from 500 that are not in NOT_SUPPORTED.
PASSING_STATUS: Mapping[int, FailureKind] = {
    408: "timeout", 425: "rate-limit", 429: "rate-limit",
}  # fmt: skip
NOT_SUPPORTED = frozenset({501, 505})
_NOT_MODIFIED = 304
_LONGEST_MOMENT = 60


def require_success(response: Response) -> None:
    """Raise NodeError for a status from 400, and for a redirect that was not followed."""
    status = response.status_code
    if status < 300 or status == _NOT_MODIFIED:
        return
    body = error_body(response)
    raise NodeError(
        "http-status",
        _sentence(response, body),
        kind=_kind(status),
        retry_after=retry_after(response.headers.get("retry-after")),
        hint=_hint(response),
        details={"status": status, "body": body},
    )


def require_no_errors(response: Response, body: Any) -> None:
    """Raise NodeError for the errors that a GraphQL service describes in an answer of 200."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not errors:
        return
    first = errors[0] if isinstance(errors, list) else errors
    said = first.get("message") if isinstance(first, dict) else first
    message = f"The service answered with GraphQL errors: {error_text(said)}"
    details = {"status": response.status_code, "body": body}
    hint = "With `raise_for_status: false`, the output has the errors beside the data."
    raise NodeError("graphql-errors", message, details=details, hint=hint)


def _sentence(response: Response, body: Any) -> str:
    status = response.status_code
    if status < 400:
        where = response.headers.get("location", "")
        to = f" to {where[:200]!r}" if where else ""
        return f"The service answered {status}, a redirect{to} that was not followed."
    text = error_text(body)
    return f"The service answered {status}: {text}" if text else f"The service answered {status}."


def _hint(response: Response) -> str | None:
    if response.status_code >= 400 or "location" not in response.headers:
        return None
    return "Set `max_redirects`, or `raise_for_status: false` to read the answer."


def _kind(status: int) -> FailureKind | None:
    if status >= 500 and status not in NOT_SUPPORTED:
        return "server-error"
    return PASSING_STATUS.get(status)


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date.

    >>> retry_after("20"), retry_after("soon"), retry_after("²")
    (20.0, None, None)
    """
    value = (value or "")[:_LONGEST_MOMENT].strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
