"""The node type `http`: one HTTP request, or one for each page of a list."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions import has_expressions
from flowc.compiler.node import Context, Effects, Need, Node, SecretAllowed
from flowc.nodes.outside.http_auth import Auth, needs_of
from flowc.nodes.outside.http_calls import (
    MAX_REDIRECTS,
    HttpCall,
    Method,
    response_schema,
    without_headers,
)
from flowc.nodes.outside.http_pages import PAGE_NAMES, Pagination, all_pages, pages_schema
from flowc.nodes.services.calls.answers import ReadAs
from flowc.nodes.services.calls.bodies import BodyType, kind_of_body
from flowc.nodes.services.calls.pairs import Arrays


class GraphQl(BaseModel):
    """A query of GraphQL, and its variables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(description="The query or mutation.")
    variables: dict[str, Any] = Field(default_factory=dict, description="Its variables by name.")
    operation: str | None = Field(
        default=None, description="The operation to run, if the query has several."
    )

    def body(self) -> dict[str, Any]:
        """Return what is sent."""
        found: dict[str, Any] = {"query": self.query, "variables": self.variables}
        return found if self.operation is None else {**found, "operationName": self.operation}


class Http(Node):
    """Send one HTTP request, and output the response.

    The output has the `status_code`, the `headers`, the `body`, the `url` after redirects, and the
    `cookies` that were set, by name; the header `set-cookie` is a list. The body is parsed if the
    response is JSON, also under `text/plain`; lines of JSON and server-sent events are lists. A
    text is of the charset that it begins with, or that the response or the text itself names, or
    UTF-8. Any other body is stored as an upload, and is `{file, name, media_type, size}`: `file` is
    its id, as `read_file`, `llm` and the body of another `http` node take it.

    An object is sent as JSON, or as `body_type` or the header `content-type` says: as a form, or as
    parts (multipart). In parts, `{file: id}` is an upload, and `{content: text, name: a.csv}` a
    file of that text. In the URL, `{{input.name | urlencode('')}}` encodes a value as one part
    of the path, and `{{input.path | urlencode}}` one of several.

    If the run is part of a trace, the request continues it with `traceparent`, unless `headers` has
    one.

    Only public addresses can be reached, and those that the operator allows (FLOWC_EGRESS_ALLOW).
    The operator can trust a CA (FLOWC_CA_FILE), and set client certificates (FLOWC_TLS_FILE).

    The node fails with `http-status` if the status is 400 or above, or a redirect that is not
    followed, unless `raise_for_status` is false; `error.status` and `error.body` are the answer.
    Without a response, it fails with `host-not-found`, `connection-refused`, `host-unreachable`,
    `tls-failed`, `timeout`, or else `connection-failed`; with `egress-denied` if the address is not
    allowed; with `redirect-refused` for too many redirects, or one that would take the body to
    another origin; with `token-refused` if there is no token to call with; with `invalid-header`
    for a header with other characters than ASCII or one that is not the author's to set; with
    `body-does-not-fit` or `no-such-file` for a body that cannot be sent; with `response-too-large`
    beyond `max_bytes`, unpacked; with `response-unreadable` for a body that is packed more than
    once, and `response-not-json` if it must be JSON.
    """

    type: ClassVar = "http"
    group: ClassVar = "outside"
    formula_names: ClassVar = PAGE_NAMES

    url: Annotated[str, SecretAllowed] = Field(
        description="Address to call, http:// or https://; may use {{secrets.name}}."
    )
    method: Method = Field(
        default="GET", description="The HTTP method; by default POST for `graphql`, else GET."
    )
    headers: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict, description="Request headers by name; may use {{secrets.name}}."
    )
    query: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict,
        description="Query parameters by name, added to the URL; null leaves one out, and a list"
        " is written as `arrays` says.",
    )
    arrays: Arrays = Field(
        default="repeat",
        description="How lists are written in a query or a form: `tag=a&tag=b`, with brackets"
        " `tag[]=a`, with indices `tag[0]=a`, or with a comma `tag=a,b`.",
    )
    body_type: BodyType = Field(
        default="auto",
        description="How the body is sent: as json, form, multipart, lines (of JSON), text, or an"
        " uploaded file by its id. By default as the header `content-type` says; else a text is"
        " sent as it is, and all else as JSON.",
    )
    body: Annotated[Any, SecretAllowed] = Field(
        default=None, description="Request body; may use {{secrets.name}}."
    )
    graphql: Annotated[str | GraphQl | None, SecretAllowed] = Field(
        default=None,
        description="A GraphQL query in place of a body; errors in the answer fail the node.",
    )
    auth: Annotated[Auth | None, SecretAllowed] = Field(
        default=None,
        description="Who calls: a `type` of basic, bearer, digest, oauth2 (client credentials) or"
        " aws (signature), with its fields.",
    )
    cookies: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict, description="Cookies to send, by name."
    )
    keep_cookies: bool = Field(
        default=False,
        description="Whether cookies that services set stay, and are sent to them again by all"
        " nodes of the run that say so. They are held in the memory of the process: after a long"
        " wait, or on another machine, there are none.",
    )
    pagination: Pagination | None = Field(
        default=None,
        description="Read further pages: the output's `body` is a list of all their items, `pages`"
        " counts them, and `is_complete` says whether there are no more.",
    )
    read_as: ReadAs = Field(
        default="auto",
        description="How the response is read: as json, text, a file to store, lines (of JSON) or"
        " events (server-sent). By default as its `content-type` says.",
    )
    timeout: Duration = Field(
        default=30.0,
        description="Time limit for the whole call, redirects included; one for each page.",
    )
    max_redirects: int = Field(
        default=MAX_REDIRECTS,
        ge=0,
        le=20,
        description="Most redirects to follow. Another origin gets no credentials, no body, and of"
        " the headers only accept, accept-language, range and user-agent.",
    )
    max_bytes: int = Field(
        default=5_000_000, ge=1, le=50_000_000, description="Largest response body, in bytes."
    )
    raise_for_status: bool = Field(
        default=True,
        description="Whether the node fails if the status is 400 or above, or a redirect that is"
        " not followed.",
    )

    @field_validator("body")
    @classmethod
    def _can_be_sent(cls, body: Any, info: ValidationInfo) -> Any:
        headers = info.data.get("headers") or {}
        named = {name.lower(): value for name, value in headers.items()}
        kind = str(named.get("content-type") or "")
        if body is not None and not has_expressions(kind) and not _is_computed(body):
            kind_of_body(body, info.data.get("body_type", "auto"), kind)
        return body

    @field_validator("graphql")
    @classmethod
    def _replaces_the_body(cls, graphql: Any, info: ValidationInfo) -> Any:
        if graphql is not None and info.data.get("body") is not None:
            raise ValueError("write `graphql` or `body`, not both")
        return graphql

    @classmethod
    def describe_output(cls, config: Any) -> Schema:
        """Return the schema of the response."""
        return pages_schema() if config.get("pagination") else response_schema({})

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the response without its headers."""
        return without_headers(output)

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the address, and that of the token service."""
        own = Need("url", str(config.get("url", "")), ("url",))
        return Effects((own, *needs_of(config.get("auth"))))

    async def run(self, context: Context) -> dict[str, Any]:
        """Send the request, and return the response."""
        call = self._call()
        if self.pagination is not None:
            return await all_pages(call, self.pagination, context)
        return await call.send(context)

    def _call(self) -> HttpCall:
        names = type(self).model_fields.keys() - {"graphql", "pagination"}
        given = {name: getattr(self, name) for name in names}
        if self.graphql is not None:
            asked = self.graphql
            query = asked if isinstance(asked, GraphQl) else GraphQl(query=asked)
            given |= {"body": query.body(), "body_type": "json", "is_graphql": True}
            if "method" not in self.model_fields_set:
                given["method"] = "POST"
        return HttpCall(**given)


def _is_computed(body: Any) -> bool:
    return isinstance(body, str) and has_expressions(body)
