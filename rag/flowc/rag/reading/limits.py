"""Defines what reading one document may take."""

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Limits for one document: CPU time in seconds, and sizes in bytes.

    `max_whole_bytes` limits files of formats that cannot be read piece by piece, `max_characters`
    the text that is extracted, `max_pages` the pages of a PDF.
    """

    seconds: float = 20.0
    memory: int = 1 << 30
    max_bytes: int = 256 * MEGABYTE
    max_whole_bytes: int = 64 * MEGABYTE
    max_characters: int = 256 * MEGABYTE
    max_pages: int = 5_000


# OCR holds its models in memory, and takes about a second a page.
OCR_LIMITS = ReadingLimits(seconds=900.0, memory=6 << 30, max_pages=1_000)
