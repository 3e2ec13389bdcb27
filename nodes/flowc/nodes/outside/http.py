"""The node type `http`: one HTTP request."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, Node, SecretAllowed
from flowc.nodes.outside.http_calls import HttpCall, Method, response_schema, without_headers


class Http(Node):
    """Send one HTTP request, and output the response.

    The output has the `status_code`, the `headers`, the `body`, and the `url` after redirects. The
    body is parsed if the response is JSON, and is text otherwise: of the charset that the response
    names, or UTF-8 if it names none, or one that is not in use on the web.

    If the run is part of a trace, the request continues it with `traceparent`, unless `headers` has
    one.

    Only public addresses can be reached, and those that the operator allows (FLOWC_EGRESS_ALLOW).

    The node fails with `http-status` if the status is 400 or above, unless `raise_for_status` is
    false; with `timeout` or `connection-failed` if there is no response; with `egress-denied` if
    the address is not allowed; with `invalid-header` for a header with other characters than ASCII
    or one that is not the author's to set; with `response-too-large` beyond `max_bytes`, unpacked;
    with `response-unreadable` for a body that is packed more than once.
    """

    type: ClassVar = "http"
    group: ClassVar = "outside"

    url: Annotated[str, SecretAllowed] = Field(
        description="Address to call, http:// or https://; may use {{secrets.name}}."
    )
    method: Method = Field(default="GET", description="The HTTP method.")
    headers: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict, description="Request headers by name; may use {{secrets.name}}."
    )
    query: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict,
        description="Query parameters by name, added to the URL; a list repeats its parameter.",
    )
    body: Annotated[Any, SecretAllowed] = Field(
        default=None, description="Request body: a text is sent as it is, all else as JSON."
    )
    timeout: Duration = Field(
        default=30.0, description="Time limit for the whole call, redirects included."
    )
    max_redirects: int = Field(
        default=0, ge=0, le=5, description="Most redirects to follow; by default none."
    )
    max_bytes: int = Field(
        default=5_000_000, ge=1, le=50_000_000, description="Largest response body, in bytes."
    )
    raise_for_status: bool = Field(
        default=True, description="Whether the node fails if the status is 400 or above."
    )

    @classmethod
    def describe_output(cls, config: Any) -> Schema:
        """Return the schema of the response."""
        return response_schema({})

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the response without its headers."""
        return without_headers(output)

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the address."""
        return Effects((Need("url", str(config.get("url", "")), ("url",)),))

    async def run(self, context: Context) -> dict[str, Any]:
        """Send the request, and return the response."""
        return await HttpCall(
            **{name: getattr(self, name) for name in type(self).model_fields}
        ).send(context)
