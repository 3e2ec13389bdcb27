"""Backups: all that a server stores, in one file, and back."""
