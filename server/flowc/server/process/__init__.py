"""A running process: its parts, its start and its stop."""
