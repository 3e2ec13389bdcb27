"""How does a workflow use an operation of a service that describes itself?"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema, problems_of
from flowc.compiler.node import Context, Effects, Node, Role, SecretAllowed
from flowc.nodes.outside.http_calls import HttpCall, response_schema, without_headers
from flowc.nodes.outside.openapi import (
    BadDocument,
    Operation,
    OperationRequest,
    Security,
    find_operation,
)


class Connector(Node):
    """Call an operation of an OpenAPI 3 document by its `operationId`.

    `arguments` are its parameters, and the fields of its body. They are held to the document, and
    so is the answer's schema. The `credential` is sent as the document's security scheme says, to
    the document's server alone: a token or key, or `user:password`.
    """

    type: ClassVar = "connector"
    group: ClassVar = "outside"

    document: Annotated[dict[str, Any], Role.RAW] = Field(description="The OpenAPI 3 document.")
    server_url: Annotated[str | None, Role.RAW] = Field(
        default=None, pattern=r"^https?://", description="Where the document names no server."
    )
    operation: Annotated[str, Role.RAW] = Field(description="Its `operationId`.")
    arguments: dict[str, Any] = Field(default_factory=dict)
    credential: Annotated[str | None, SecretAllowed] = None
    timeout: Duration = 30.0
    max_bytes: int = Field(default=5_000_000, ge=1, le=50_000_000)
    raise_for_status: bool = True

    @field_validator("operation")
    @classmethod
    def _is_there(cls, operation: str, info: ValidationInfo) -> str:
        if "document" in info.data:
            find_operation(info.data["document"], operation, info.data.get("server_url"))
        return operation

    @field_validator("arguments")
    @classmethod
    def _fit(cls, arguments: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        operation = _operation(info.data)
        for path, sentence in problems_of(arguments, operation.arguments) if operation else ():
            if not _is_computed(arguments, path):
                where = ".".join(map(str, path))
                raise ValueError(f"{where}: {sentence}" if where else sentence)
        return arguments

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the answer, as the document has it."""
        operation = _operation(config)
        return response_schema(operation.answer if operation is not None else {})

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Give the operation the arguments of a call."""
        return {"arguments": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the operation's arguments, where it is given those of a call."""
        operation = _operation(config)
        is_given = config.get("arguments") == "{{arguments}}"
        return operation.arguments if operation is not None and is_given else None

    @classmethod
    def tool_description(cls, config: Mapping[str, Any]) -> str | None:
        """Return the operation's description."""
        operation = _operation(config)
        return operation.description if operation is not None else None

    @classmethod
    def as_told(cls, output: Any) -> Any:
        """Return what was answered, without headers."""
        return without_headers(output)

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the host of the document's server."""
        operation = _operation(config)
        return Effects(hosts=(operation.host,) if operation is not None else ())

    async def run(self, context: Context) -> dict[str, Any]:
        """Call the operation, and return the answer."""
        operation = find_operation(self.document, self.operation, self.server_url)
        asked = operation.request(self.arguments)
        _authorize(operation.security, self.credential, asked)
        call = HttpCall(
            operation.method,
            asked.url,
            asked.headers,
            asked.query,
            asked.body,
            self.timeout,
            max_bytes=self.max_bytes,
            raise_for_status=self.raise_for_status,
        )
        return await call.answer(context)


def _operation(config: Mapping[str, Any]) -> Operation | None:
    document, id, server = (config.get(name) for name in ("document", "operation", "server_url"))
    if not isinstance(document, dict) or not isinstance(id, str):
        return None
    try:
        return find_operation(document, id, server if isinstance(server, str) else None)
    except BadDocument:
        # The configuration is refused for it.
        return None


def _is_computed(arguments: Any, path: tuple[str | int, ...]) -> bool:
    """Say whether a value is computed, so that it is not known yet."""
    value = arguments
    for step in path:
        value = value[step]
    return isinstance(value, str) and "{{" in value


def _authorize(security: Security | None, credential: str | None, asked: OperationRequest) -> None:
    """Say who calls, as the document has it; without a scheme, as most services take it."""
    if credential is None:
        return
    if security is None or (security.kind == "http" and security.scheme != "basic"):
        asked.headers["authorization"] = f"Bearer {credential}"
    elif security.kind == "http":
        encoded = base64.b64encode(credential.encode()).decode()
        asked.headers["authorization"] = f"Basic {encoded}"
    elif security.place == "query":
        asked.query[security.name] = credential
    elif security.place == "cookie":
        others = asked.headers.get("cookie")
        own = f"{security.name}={credential}"
        asked.headers["cookie"] = f"{others}; {own}" if others else own
    else:
        asked.headers[security.name] = credential
