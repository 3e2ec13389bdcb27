"""The door to MCP servers: which there are, and calls of their tools."""

from flowc.nodes.services.mcp.servers import McpFileRefused, McpServer, read_mcp_file
from flowc.nodes.services.mcp.sessions import McpServers, McpTool, ToolResult

__all__ = [
    "McpFileRefused",
    "McpServer",
    "McpServers",
    "McpTool",
    "ToolResult",
    "read_mcp_file",
]
