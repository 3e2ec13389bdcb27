"""The door to MCP servers: which there are, and calls of their tools."""

from flowc.nodes.services.mcp.servers import McpServer, read_mcp_file
from flowc.nodes.services.mcp.sessions import Address, McpServers, McpTool, ToolResult

__all__ = [
    "Address",
    "McpServer",
    "McpServers",
    "McpTool",
    "ToolResult",
    "read_mcp_file",
]
