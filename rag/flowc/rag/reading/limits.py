"""How much may reading one document take?"""

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Seconds of CPU, and bytes: of memory, of a file, of one that has to be read as a whole.

    `max_characters` is of the text that comes out, `max_pages` of a PDF.
    """

    seconds: float = 20.0
    memory: int = 1 << 30
    max_bytes: int = 256 * MEGABYTE
    max_whole_bytes: int = 64 * MEGABYTE
    max_characters: int = 256 * MEGABYTE
    max_pages: int = 5_000


# Recognising the text of scanned pages takes models in memory, and about a second a page.
OCR_LIMITS = ReadingLimits(seconds=900.0, memory=6 << 30, max_pages=1_000)
