"""Stored runs: reading, claiming and steering them."""
