"""Kills the process of a run at every durable step in turn, and checks how the run ends."""
