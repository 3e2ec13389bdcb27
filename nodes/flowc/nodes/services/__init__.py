"""Services that a host offers to node types: HTTP, models, documents, sandboxes, MCP and others."""
