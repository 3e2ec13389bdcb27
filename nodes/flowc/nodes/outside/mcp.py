"""The node type `mcp`: one tool of an MCP server, or all of them as tools of an agent."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Effects, Need, Node, NodeError, Role, SecretAllowed
from flowc.nodes.services.mcp import McpAddress, McpServers

_TOOL, _ARGUMENTS = "{{arguments.tool}}", "{{arguments.arguments}}"


class Mcp(Node):
    """Call a `tool` of an MCP server. Without `tool`, list the server's tools.

    Set either `server`, a name in the operator's file (FLOWC_MCP_FILE), or `url`. The output has
    the `text` of the result, its structured `data` (or null), and all parts of its `content`;
    without `tool`, the `tools` with their name, description and parameters. As a tool of an agent,
    the node offers all tools of the server, or those in `tools`.

    The node fails with `mcp-tool-failed` if the tool reports an error, with `mcp-unavailable`,
    `mcp-refused` or `timeout` if the server cannot be used.
    """

    type: ClassVar = "mcp"
    group: ClassVar = "outside"

    server: Annotated[str | None, Role.RAW] = Field(
        default=None, description="Name of a server in the operator's file."
    )
    url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        max_length=8_192,
        description="Address of a server that is not in the file.",
    )
    headers: Annotated[dict[str, Any], SecretAllowed] = Field(
        default_factory=dict, description="HTTP headers to send; may use {{secrets.name}}."
    )
    tool: str | None = Field(default=None, description="Name of the tool to call.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="The tool's arguments.")
    tools: Annotated[list[str], Role.RAW] = Field(
        default_factory=list,
        description="Names of the tools that may be listed or called; by default all.",
    )
    timeout: Duration = Field(default=60.0, description="Time limit for the whole call.")

    @model_validator(mode="after")
    def _names_a_server(self) -> "Mcp":
        if (self.server is None) == (self.url is None):
            raise ValueError("it needs exactly one of `server` and `url`")
        return self

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of a result, or of the list of tools."""
        tool = config.get("tool")
        if tool == _TOOL:
            return None
        names = ("text", "data", "content") if tool else ("tools",)
        kinds = {"text": "string", "content": "array", "tools": "array"}
        properties = {name: {"type": kinds[name]} if name in kinds else {} for name in names}
        return {"type": "object", "properties": properties, "required": list(names)}

    @classmethod
    def as_tool(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """Offer the server's tools to the agent, unless the author sets the arguments of one."""
        if "arguments" in config:
            return dict(config)
        only = [config["tool"]] if config.get("tool") else config.get("tools", [])
        return {**config, "tool": _TOOL, "arguments": _ARGUMENTS, "tools": only}

    @classmethod
    def is_toolbox(cls, config: Mapping[str, Any]) -> bool:
        """Return whether the node offers the server's tools to an agent."""
        return bool(config.get("tool") == _TOOL)

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the data of a result, or its text if it has none."""
        if "tools" in output:
            return output
        return output["data"] if output["data"] is not None else output["text"]

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the address, or the name of the server."""
        if config.get("url"):
            return Effects((Need("mcp-url", str(config["url"]), ("url",)),))
        return Effects((Need("mcp-server", str(config.get("server")), ("server",)),))

    async def run(self, context: Context) -> dict[str, Any]:
        """Call the tool, and return its result."""
        server = f"mcp {self.server or self.url}"
        found: dict[str, Any] = await context.through(server, partial(self._call, context))
        return found

    async def _call(self, context: Context) -> dict[str, Any]:
        servers = context.service(McpServers)
        headers = {name: as_text(value) for name, value in self.headers.items()}
        address = McpAddress(self.server, self.url, headers, self.timeout)
        if self.tool is None:
            tools = [each._asdict() for each in await servers.tools(address)]
            return {"tools": [t for t in tools if not self.tools or t["name"] in self.tools]}
        if self.tools and self.tool not in self.tools:
            raise NodeError("unknown-tool", f"The tool {self.tool!r} is not in `tools`.")
        result = await servers.call(address, self.tool, self.arguments)
        if result.is_error:
            raise NodeError("mcp-tool-failed", result.text or "The tool failed.")
        return {"text": result.text, "data": result.data, "content": result.content}
