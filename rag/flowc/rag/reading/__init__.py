"""Turns files into text, in separate processes that can do nothing else."""

from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.processes import ReadersUnavailable
from flowc.rag.reading.reader import Reader, Reading

__all__ = ["Reader", "ReadersUnavailable", "Reading", "ReadingLimits"]
