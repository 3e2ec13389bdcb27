"""The queue of segments."""
