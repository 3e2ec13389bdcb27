"""One HTTP request of a node: sending it, reading the response, naming the failure."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from flowc.compiler.definition import FailureKind
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, NodeError
from flowc.compiler.reading.large_values import LARGE_TEXT, has_more_values, in_worker, load_json
from flowc.compiler.reading.plain_json import MAX_VALUES
from flowc.nodes.services.egress import (
    EgressDenied,
    HeaderRefused,
    HttpClient,
    RequestFailed,
    Response,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.nodes.services.egress.charsets import charset_of, decoded

# Another attempt may succeed after these, and after all from 500 that are not in NOT_SUPPORTED.
PASSING_STATUS: dict[int, FailureKind] = {408: "timeout", 425: "rate-limit", 429: "rate-limit"}
NOT_SUPPORTED = frozenset({501, 505})

_LONGEST_MOMENT = 60
# Those of lists and objects.
_OPENING = frozenset("[{")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


@dataclass(frozen=True)
class HttpCall:
    """One request; `timeout` is in seconds, for the whole call."""

    method: Method
    url: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    timeout: float = 30.0
    max_redirects: int = 0
    max_bytes: int = 5_000_000
    raise_for_status: bool = True

    async def send(self, context: Context) -> dict[str, Any]:
        """Send the request, and return the response as JSON; raise NodeError."""
        found: dict[str, Any] = await context.through(_host(self.url), partial(self._send, context))
        return found

    async def _send(self, context: Context) -> dict[str, Any]:
        client = context.service(HttpClient)
        headers = {name: as_text(value) for name, value in self.headers.items()}
        content, kind = _encoded(self.body)
        if kind and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = kind
        try:
            async with asyncio.timeout(self.timeout):
                response = await self._call(client, headers, content)
                if self.raise_for_status and response.status_code >= 400:
                    raise _failure(response)
                body = await _body_of(response)
        except TimeoutError:
            message = f"No response within {self.timeout:g} s."
            raise NodeError("timeout", message, kind="timeout") from None
        return {
            "status_code": response.status_code,
            "headers": dict(response.headers),
            "body": body,
            "url": response.url,
        }

    async def _call(
        self, client: HttpClient, headers: dict[str, str], content: bytes | None
    ) -> Response:
        try:
            return await client.request(
                self.method,
                _with_query(self.url, self.query),
                headers=headers,
                content=content,
                max_redirects=self.max_redirects,
                max_bytes=self.max_bytes,
                deadline=self.timeout,
            )
        except HeaderRefused as problem:
            message = f"The call is not possible: {problem}."
            raise NodeError("invalid-header", message, field="headers") from None
        except EgressDenied as problem:
            message = f"The call is not allowed: {problem}."
            raise NodeError(
                "egress-denied", message, field="url", value=self.url, hint=problem.hint
            ) from None
        except ResponseTooLarge as problem:
            raise NodeError("response-too-large", f"The call was stopped: {problem}.") from None
        except ResponseUnreadable as problem:
            raise NodeError("response-unreadable", f"The call failed: {problem}.") from None
        except RequestFailed as problem:
            message = f"The call failed: {problem}."
            raise NodeError("connection-failed", message, kind="connection") from None


def _host(url: str) -> str:
    """Return host and port of a URL; an empty text if it cannot be read, as the request will say.

    >>> _host("https://me@A.test:8443/x"), _host("https://a.test@[/")
    ('a.test:8443', '')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def response_schema(body: Schema) -> Schema:
    """Return the JSON Schema of a response with this schema of its body."""
    properties: dict[str, Schema] = {
        "status_code": {"type": "integer"},
        "headers": {"type": "object"},
        "body": body,
        "url": {"type": "string"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def without_headers(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a response that a model needs."""
    return {"status_code": response["status_code"], "body": response["body"]}


def _encoded(body: Any) -> tuple[bytes | None, str | None]:
    if body is None:
        return None, None
    if isinstance(body, str):
        return body.encode("utf-8"), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode("utf-8"), "application/json"


def _with_query(url: str, query: Mapping[str, Any]) -> str:
    """Return the URL with parameters added.

    >>> _with_query("https://a.test/?x=1#top", {"tag": ["a", "b"], "on": True})
    'https://a.test/?x=1&tag=a&tag=b&on=true#top'
    """
    if not query:
        return url
    pairs = [(name, as_text(item)) for name, value in query.items() for item in _items(value)]
    base, mark, fragment = url.partition("#")
    return f"{base}{'&' if '?' in base else '?'}{urlencode(pairs)}{mark}{fragment}"


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def _body_of(response: Response) -> Any:
    work = partial(_read, response)
    return await in_worker(work) if len(response.content) > LARGE_TEXT else work()


def _read(response: Response) -> Any:
    content_type = response.headers.get("content-type", "")
    kind = content_type.split(";")[0].strip().lower()
    text = decoded(response.content, charset_of(content_type)).replace("\0", "")
    return _loaded(text) if kind == "application/json" or kind.endswith("+json") else text


def _loaded(text: str) -> Any:
    """Return the value of a JSON text, or the text itself if it is not JSON."""
    if text.lstrip()[:1] in _OPENING and has_more_values(text, MAX_VALUES):
        message = f"The response cannot be stored: there are more than {MAX_VALUES:,} values."
        raise NodeError("output-not-plain", message)
    try:
        return load_json(text) if text else None
    except (ValueError, RecursionError):
        return text


def _failure(response: Response) -> NodeError:
    status = response.status_code
    text = response.content[:300].decode("utf-8", errors="replace")
    return NodeError(
        "http-status",
        f"The service answered {status}: {text}" if text else f"The service answered {status}.",
        kind=_kind(status),
        retry_after=_retry_after(response.headers.get("retry-after")),
    ).with_details({"status": status, "body": text})


def _kind(status: int) -> FailureKind | None:
    if status >= 500 and status not in NOT_SUPPORTED:
        return "server-error"
    return PASSING_STATUS.get(status)


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date.

    >>> _retry_after("20"), _retry_after("soon"), _retry_after("²")
    (20.0, None, None)
    """
    value = (value or "")[:_LONGEST_MOMENT].strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
