"""An MCP server that tests start as a command."""

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")


@server.tool()
def price(item: str, count: int = 1) -> dict[str, float]:
    """The price of some items."""
    if item == "nothing":
        raise ToolError("There is no such item.")
    return {"total": 2.5 * count}


@server.tool()
def greet(name: str) -> str:
    """Say hello."""
    return f"Hello {name}."


if __name__ == "__main__":
    server.run("stdio")
