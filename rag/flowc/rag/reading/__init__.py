"""How does a file become text? In a process of its own, which can do nothing else."""

from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.processes import ReadersUnavailable
from flowc.rag.reading.reader import Reader, Reading

__all__ = ["Reader", "ReadersUnavailable", "Reading", "ReadingLimits"]
