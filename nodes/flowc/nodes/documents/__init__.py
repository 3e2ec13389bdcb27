"""Node types: documents."""
