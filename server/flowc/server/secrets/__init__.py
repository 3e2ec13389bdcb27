"""Secrets of tenants: sealed in the database, or found in the environment, a file or a vault."""
