"""The operator's file of MCP servers."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.nodes.services.operator_files import read_entries


class McpServer(BaseModel):
    """One MCP server: one with a `url`, or a `command` that flowc starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(default=None, pattern=r"^https?://")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "McpServer":
        if (self.url is None) == (self.command is None):
            raise ValueError("a server needs exactly one of `url` and `command`")
        return self


def read_mcp_file(path: Path) -> dict[str, McpServer]:
    """Return the servers in a file, at the top or under `mcpServers`; raise OperatorFileRefused."""
    return read_entries(path, "mcpServers", McpServer, "servers")
