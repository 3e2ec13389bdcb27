"""Traces: what a run is part of, the spans of its work, and what observers are sent."""
