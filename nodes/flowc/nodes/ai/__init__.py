"""Node types: ai."""
