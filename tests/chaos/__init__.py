"""Runs whose process is killed at every durable step, one after the other."""
