"""The node type `connector`: one operation of an OpenAPI document."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.parts import bad_schema_error
from flowc.compiler.definition.short_schemas import BadSchema, Schema
from flowc.compiler.node import Context, Effects, Need, Node, NodeError, Role, SecretAllowed
from flowc.nodes.outside.arguments import require_fit, require_known_fit
from flowc.nodes.outside.http_auth import Auth, DigestAuth, needs_of
from flowc.nodes.outside.http_calls import HttpCall, response_schema, without_headers
from flowc.nodes.outside.openapi import (
    ArgumentOutOfPlace,
    BadDocument,
    Operation,
    OperationRequest,
    Security,
    find_operation,
)


class Connector(Node):
    """Call an operation of an OpenAPI 3 document by its `operationId`.

    `arguments` are the operation's parameters and the fields of its body; if the body is not an
    object, or a field has the name of a parameter, the body is the argument `body`. It is sent as
    JSON, or as the form, the parts, the text or the file that the document describes: a file is the
    id of an upload. Arguments
    are checked against the document before a run, except those that are templates. One in the path
    stays in its segment: `..` and what a server could read as it is refused.

    The output and the failures are those of an `http` node; the schema of the output's `body` is
    that of the document. The `credential` is sent as the document's security scheme requires, and
    only to the document's server.
    """

    type: ClassVar = "connector"
    group: ClassVar = "outside"

    document: Annotated[dict[str, Any], Role.RAW] = Field(
        description="The OpenAPI 3 document, as an object."
    )
    server_url: Annotated[str | None, Role.RAW] = Field(
        default=None,
        pattern=r"^https?://",
        description="Server to call, if the document names none or a relative one.",
    )
    operation: Annotated[str, Role.RAW] = Field(
        description="The `operationId` of the operation to call."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Parameters and fields of the body, by name."
    )
    credential: Annotated[str | None, SecretAllowed] = Field(
        default=None, description="A token, a key or `user:password`, such as {{secrets.name}}."
    )
    auth: Annotated[Auth | None, SecretAllowed] = Field(
        default=None,
        description="Who calls, as in an `http` node, in place of a `credential`.",
    )
    timeout: Duration = Field(default=30.0, description="Time limit for the whole call.")
    max_bytes: int = Field(
        default=5_000_000, ge=1, le=50_000_000, description="Largest response body, in bytes."
    )
    raise_for_status: bool = Field(
        default=True, description="Whether the node fails if the status is 400 or above."
    )

    @field_validator("operation")
    @classmethod
    def _exists(cls, operation: str, info: ValidationInfo) -> str:
        if "document" in info.data:
            found = find_operation(info.data["document"], operation, info.data.get("server_url"))
            try:
                found.require_sound()
            except BadSchema as problem:
                # Its place is in the document, behind references.
                problem.path = ()
                raise bad_schema_error(problem) from None
        return operation

    @field_validator("arguments")
    @classmethod
    def _match_the_document(cls, arguments: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        operation = _operation(info.data)
        if operation is not None:
            require_known_fit(arguments, operation.arguments)
        return arguments

    @field_validator("auth")
    @classmethod
    def _replaces_the_credential(cls, auth: Any, info: ValidationInfo) -> Any:
        if auth is not None and info.data.get("credential") is not None:
            raise ValueError("write `auth` or `credential`, not both")
        return auth

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the response, from the document."""
        operation = _operation(config)
        return response_schema(operation.answer if operation is not None else {})

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the arguments of a call to the operation, unless the author sets some."""
        return {"arguments": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the operation's arguments, if it takes those of a call."""
        operation = _operation(config)
        is_given = config.get("arguments") == "{{arguments}}"
        return operation.arguments if operation is not None and is_given else None

    @classmethod
    def tool_description(cls, config: Mapping[str, Any]) -> str | None:
        """Return the operation's description."""
        operation = _operation(config)
        return operation.description if operation is not None else None

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the response without its headers."""
        return without_headers(output)

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the address of the document's server, and that of a token service."""
        operation = _operation(config)
        if operation is None:
            return Effects()
        named = "server_url" if config.get("server_url") else "document"
        return Effects((Need("url", operation.base, (named,)), *needs_of(config.get("auth"))))

    async def run(self, context: Context) -> dict[str, Any]:
        """Call the operation, and return the response."""
        operation = find_operation(self.document, self.operation, self.server_url)
        await require_fit(self.arguments, operation.arguments)
        try:
            request = operation.request(self.arguments)
        except ArgumentOutOfPlace as problem:
            message, at = f"{problem}.", ("arguments", problem.name)
            raise NodeError(
                "arguments-do-not-fit", message, field=at, value=self.arguments
            ) from None
        _authorize(operation.security, self.credential, request)
        call = HttpCall(
            operation.method,
            request.url,
            request.headers,
            request.query,
            request.body,
            body_type=request.body_type,
            auth=self.auth or _digest_of(operation.security, self.credential),
            timeout=self.timeout,
            max_bytes=self.max_bytes,
            raise_for_status=self.raise_for_status,
        )
        return await call.send(context)


def _operation(config: Mapping[str, Any]) -> Operation | None:
    document, id, server = (config.get(name) for name in ("document", "operation", "server_url"))
    if not isinstance(document, dict) or not isinstance(id, str):
        return None
    try:
        return find_operation(document, id, server if isinstance(server, str) else None)
    except BadDocument:
        # The validator of `operation` reports it.
        return None


def _authorize(
    security: Security | None, credential: str | None, request: OperationRequest
) -> None:
    """Add the credential as the security scheme requires; without a scheme, as a bearer token."""
    if credential is None or _digest_of(security, credential) is not None:
        return
    if security is None or (security.kind == "http" and security.scheme != "basic"):
        request.headers["authorization"] = f"Bearer {credential}"
    elif security.kind == "http":
        encoded = base64.b64encode(credential.encode()).decode()
        request.headers["authorization"] = f"Basic {encoded}"
    elif security.place == "query":
        request.query[security.name] = credential
    elif security.place == "cookie":
        others = request.headers.get("cookie")
        own = f"{security.name}={credential}"
        request.headers["cookie"] = f"{others}; {own}" if others else own
    else:
        request.headers[security.name] = credential


def _digest_of(security: Security | None, credential: str | None) -> DigestAuth | None:
    """Return the credential of a scheme whose password is not sent itself."""
    if security is None or credential is None or security.scheme != "digest":
        return None
    name, _, password = credential.partition(":")
    return DigestAuth(type="digest", username=name, password=password)
