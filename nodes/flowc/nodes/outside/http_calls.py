"""One HTTP request of a node: sending it, reading the response, naming the failure."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context
from flowc.compiler.running.redaction import Redactor
from flowc.nodes.outside.http_auth import Auth, ClientCredentials
from flowc.nodes.outside.http_failures import require_no_errors, require_success
from flowc.nodes.services.calls.answers import ReadAs, answer_of
from flowc.nodes.services.calls.bodies import BodyType, Encoded, encoded_body
from flowc.nodes.services.calls.pairs import Arrays, with_query
from flowc.nodes.services.calls.sending import late, sent
from flowc.nodes.services.calls.token_requests import access_token
from flowc.nodes.services.egress import HttpClient, Response
from flowc.nodes.services.egress.credentials import Bearer, Credentials, WhoCalls
from flowc.nodes.services.files import Files, HeldFiles

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
MAX_REDIRECTS = 5
_CONTENT_TYPE = "content-type"


class HttpAnswer(NamedTuple):
    """A response that was read: its body is JSON."""

    response: Response
    body: Any

    def as_json(self) -> dict[str, Any]:
        """Return what the node outputs; each `set-cookie` is apart."""
        headers: dict[str, Any] = dict(self.response.headers)
        if self.response.set_cookies:
            headers["set-cookie"] = list(self.response.set_cookies)
        return {
            "status_code": self.response.status_code,
            "headers": headers,
            "body": self.body,
            "url": self.response.url,
            "cookies": _cookies_in(self.response.set_cookies),
        }


@dataclass(frozen=True)
class HttpCall:
    """One request; `timeout` is in seconds, for the whole call."""

    method: Method
    url: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    body_type: BodyType = "auto"
    arrays: Arrays = "repeat"
    auth: Auth | None = None
    cookies: Mapping[str, Any] = field(default_factory=dict)
    keep_cookies: bool = False
    read_as: ReadAs = "auto"
    timeout: float = 30.0
    max_redirects: int = MAX_REDIRECTS
    max_bytes: int = 5_000_000
    raise_for_status: bool = True
    is_graphql: bool = False

    async def send(self, context: Context) -> dict[str, Any]:
        """Send the request, and return the response as JSON; raise NodeError."""
        return (await self.answer(context)).as_json()

    async def answer(self, context: Context) -> HttpAnswer:
        """Send the request, and read the response; raise NodeError."""
        found: HttpAnswer = await context.through(_host(self.url), partial(self._answer, context))
        return found

    async def _answer(self, context: Context) -> HttpAnswer:
        try:
            async with asyncio.timeout(self.timeout):
                response = await self._sent(context)
                if self.raise_for_status:
                    require_success(response)
                files = context.services.get(Files)
                body = await answer_of(response, self.read_as, files)
        except TimeoutError as problem:
            raise late(self.timeout, problem) from None
        if self.is_graphql and self.raise_for_status:
            require_no_errors(response, body)
        return HttpAnswer(response, body)

    async def _sent(self, context: Context) -> Response:
        client = context.service(HttpClient)
        headers = self._headers()
        encoded = await self._encoded(context, headers.get(_CONTENT_TYPE))
        if encoded.media_type and (encoded.is_set or _CONTENT_TYPE not in headers):
            headers[_CONTENT_TYPE] = encoded.media_type
        send = partial(self._once, context, headers, encoded.content)
        if not isinstance(self.auth, ClientCredentials):
            return await send(self.auth.credentials() if self.auth is not None else None)
        grant = self.auth.grant()
        token = await access_token(client, grant, self.timeout)
        response = await send(Bearer(token))
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            client.tokens.forget(grant, token)
            token = await access_token(client, grant, self.timeout)
            response = await send(Bearer(token))
        return _without(token, response)

    async def _once(
        self,
        context: Context,
        headers: Mapping[str, str],
        content: bytes | None,
        credentials: Credentials | None,
    ) -> Response:
        return await sent(
            context.service(HttpClient),
            self.method,
            with_query(self.url, self.query, self.arrays),
            headers=headers,
            content=content,
            max_redirects=self.max_redirects,
            max_bytes=self.max_bytes,
            deadline=self.timeout,
            who=WhoCalls(credentials, context.run_id if self.keep_cookies else None),
        )

    def _headers(self) -> dict[str, str]:
        headers = {name: as_text(value) for name, value in self.headers.items()}
        own = next((name for name in headers if name.lower() == _CONTENT_TYPE), None)
        if own is not None:
            headers[_CONTENT_TYPE] = headers.pop(own)
        pairs = [f"{name}={as_text(value)}" for name, value in self.cookies.items()]
        others = [headers.pop(name) for name in list(headers) if name.lower() == "cookie"]
        if pairs or others:
            headers["cookie"] = "; ".join([*others, *pairs])
        return headers

    async def _encoded(self, context: Context, content_type: str | None) -> Encoded:
        files = context.services.get(Files) or HeldFiles()
        return await encoded_body(self.body, self.body_type, content_type, files, self.arrays)


def _without(token: str, response: Response) -> Response:
    """Return a response in which a service does not show the token that it got."""
    redactor = Redactor([token])
    headers = {name: redactor.text(value) for name, value in response.headers.items()}
    return Response(
        response.status_code,
        headers,
        redactor.content(response.content),
        redactor.text(response.url),
        tuple(redactor.text(each) for each in response.set_cookies),
    )


def _cookies_in(set_cookies: tuple[str, ...]) -> dict[str, str]:
    """Return the cookies that are set, without those that are deleted.

    >>> _cookies_in(("a=1; Path=/; HttpOnly", "b=2", "c=; Max-Age=0"))
    {'a': '1', 'b': '2'}
    """
    found = dict[str, str]()
    for each in set_cookies:
        pair, _, attributes = each.partition(";")
        name, mark, value = (part.strip() for part in pair.partition("="))
        is_deleted = not value or "max-age=0" in attributes.lower().replace(" ", "").split(";")
        if mark and name and not is_deleted:
            found[name] = value
    return found


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
        "cookies": {"type": "object"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def without_headers(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a response that a model needs."""
    return {"status_code": response["status_code"], "body": response["body"]}
