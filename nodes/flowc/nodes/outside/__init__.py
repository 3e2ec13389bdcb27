"""Node types: outside."""
