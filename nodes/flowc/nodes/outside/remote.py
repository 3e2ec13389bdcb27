"""Node types whose work a service elsewhere does: registered by name, and called over HTTP."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from pydantic import Field, field_validator

from flowc.compiler.definition.short_schemas import Schema, find_problems
from flowc.compiler.node import Context, Effects, Need, Node, NodeError
from flowc.nodes.outside.arguments import misfit, require_fit, require_known_fit
from flowc.nodes.outside.http_calls import HttpCall
from flowc.nodes.services.remote_steps import RemoteSteps


class RemoteType(NamedTuple):
    """A registered node type; `arguments` and `output` are JSON Schemas.

    A `revision` is another one whenever the type is registered again.
    """

    name: str
    description: str
    url: str
    arguments: Schema
    output: Schema
    version: str
    revision: int


class Remote(Node):
    """Call a service that was registered as a node type.

    The service gets the `arguments` as JSON, and its JSON answer is the output. Both are checked
    against the schemas of the registration.
    """

    group: ClassVar = "outside"
    described: ClassVar[RemoteType]

    arguments: dict[str, Any] = Field(
        default_factory=dict, description="What the service gets, by name."
    )

    @field_validator("arguments")
    @classmethod
    def _match_the_schema(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        require_known_fit(arguments, cls.described.arguments)
        return arguments

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the registration."""
        return cls.described.output

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Pass the arguments of a call on, unless the author sets some."""
        return {"arguments": "{{arguments}}", **config}

    @classmethod
    def tool_parameters(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the arguments, if those of a call are passed on."""
        return cls.described.arguments if config.get("arguments") == "{{arguments}}" else None

    @classmethod
    def tool_description(cls, config: Mapping[str, Any]) -> str | None:
        """Return the description of the registration."""
        return cls.described.description

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the address of the service."""
        return Effects((Need("url", cls.described.url),))

    async def run(self, context: Context) -> Any:
        """Call the service, and return its answer."""
        described = self.described
        await require_fit(self.arguments, described.arguments)
        body = json.dumps(
            {
                "type": described.name,
                "version": described.version,
                "arguments": self.arguments,
                "run_id": context.run_id,
                "node_id": context.node_id,
                "attempt": context.attempt,
            },
            ensure_ascii=False,
        )
        # Of the node's place in the run: another attempt has the same one.
        id = f"msg_{uuid5(NAMESPACE_OID, context.place).hex}"
        signed = await context.service(RemoteSteps).signed(described.name, id, body)
        headers = {"content-type": "application/json", **signed.headers}
        call = HttpCall(
            "POST", signed.url, headers, body=body, timeout=signed.timeout, max_redirects=0
        )
        answer = (await call.send(context))["body"]
        for path, sentence in await find_problems(answer, described.output):
            message = f"The answer of {described.name!r} does not fit: {misfit(path, sentence)}."
            raise NodeError("answer-does-not-fit", message)
        return answer


def remote_node_type(described: RemoteType) -> type[Remote]:
    """Return a registered type as a class, as the compiler uses it."""
    members = {
        "type": described.name,
        "described": described,
        "__doc__": described.description,
        "__module__": __name__,
        "__annotations__": {"type": ClassVar[str], "described": ClassVar[RemoteType]},
    }
    return type("Registered", (Remote,), members)
