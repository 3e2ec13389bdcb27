"""Workflows that are talked with."""
