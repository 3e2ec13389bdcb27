"""How does a workflow speak to a service over HTTP?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Node, SecretAllowed
from flowc.nodes.outside.http_calls import HttpCall, Method, response_schema, without_headers


class Http(Node):
    """Make one HTTP call; the answer's body is parsed if it is JSON.

    Only what the operator allows is dialled. An answer of 400 and above fails the node unless
    `raise_for_status` is false.
    """

    type: ClassVar = "http"
    group: ClassVar = "outside"

    url: Annotated[str, SecretAllowed]
    method: Method = "GET"
    headers: Annotated[dict[str, Any], SecretAllowed] = Field(default_factory=dict)
    query: Annotated[dict[str, Any], SecretAllowed] = Field(default_factory=dict)
    body: Annotated[Any, SecretAllowed] = Field(
        default=None, description="JSON, or a text that is sent as it is."
    )
    timeout: Duration = Field(default=30.0, description="For the whole call, redirects included.")
    max_redirects: int = Field(default=0, ge=0, le=5)
    max_bytes: int = Field(default=5_000_000, ge=1, le=50_000_000)
    raise_for_status: bool = True

    @classmethod
    def describe_output(cls, config: Any) -> Schema:
        """Return the schema of the answer."""
        return response_schema({})

    @classmethod
    def as_told(cls, output: Any) -> Any:
        """Return what was answered, without headers."""
        return without_headers(output)

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the host, or the address as it is written where a part of it is computed."""
        url = str(config.get("url", ""))
        host = urlsplit(url).netloc.rpartition("@")[2] if "{{" not in url else ""
        return Effects(hosts=(host or url,))

    async def run(self, context: Context) -> dict[str, Any]:
        """Make the call, and return the answer."""
        return await HttpCall(
            **{name: getattr(self, name) for name in type(self).model_fields}
        ).answer(context)
