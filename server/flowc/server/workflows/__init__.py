"""Stored workflows, compiled."""
