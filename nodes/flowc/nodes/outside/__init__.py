"""Node types that reach other services and other runs: HTTP, OpenAPI, MCP, signals."""
