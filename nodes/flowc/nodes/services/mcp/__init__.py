"""The door to MCP servers: which there are, and calls of their tools."""

from flowc.nodes.services.mcp.servers import McpServer, read_mcp_file
from flowc.nodes.services.mcp.sessions import McpAddress, McpServers, McpTool, ToolResult

__all__ = [
    "McpAddress",
    "McpServer",
    "McpServers",
    "McpTool",
    "ToolResult",
    "read_mcp_file",
]
