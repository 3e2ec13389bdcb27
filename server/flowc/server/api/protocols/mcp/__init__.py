"""The MCP server: its endpoint, and the workflows as its tools."""

from flowc.server.api.protocols.mcp.endpoint import PATH, McpEndpoint

__all__ = ["PATH", "McpEndpoint"]
