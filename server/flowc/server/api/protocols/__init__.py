"""Protocols that clients of other software speak: OpenAI and MCP."""
