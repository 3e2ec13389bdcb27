"""Node types: flow."""
