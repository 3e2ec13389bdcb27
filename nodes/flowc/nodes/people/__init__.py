"""Node types that ask a person."""
