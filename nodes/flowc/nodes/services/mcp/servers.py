"""Which MCP servers stand behind the names that workflows use?"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.documents import read_file


class McpFileRefused(Exception):
    """Whoever names a file of MCP servers that cannot be used meets this."""


class McpServer(BaseModel):
    """One MCP server: one that is reached by its `url`, or a `command` that is started."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(default=None, pattern=r"^https?://")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "McpServer":
        if (self.url is None) == (self.command is None):
            raise ValueError("a server has a `url` or a `command`")
        return self


def read_mcp_file(path: Path) -> dict[str, McpServer]:
    """Read a file of MCP servers, at the top or under `mcpServers`; raise McpFileRefused."""
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise McpFileRefused(f"{path}: {problem.diagnostics[0].message}") from None
    entries = data.get("mcpServers", data) if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        raise McpFileRefused(f"{path}: the file must map names to servers.")
    found: dict[str, McpServer] = {}
    for name, entry in entries.items():
        try:
            found[name] = McpServer.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join([name, *map(str, first["loc"])])
            raise McpFileRefused(f"{path}: {where}: {first['msg']}.") from None
    return found
