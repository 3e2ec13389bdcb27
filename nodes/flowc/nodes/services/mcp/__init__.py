"""MCP servers: the operator's file of them, and calls of their tools."""

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
