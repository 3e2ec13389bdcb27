"""Node types: people."""
