"""Decodes plain text in any usual encoding."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from charset_normalizer import from_bytes

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import ParsingOptions

SAMPLE = 1 << 18
PIECE = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16, whose mark is how this one begins.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Bytes that no text has: all control characters except tabs, line ends, form feeds and escapes.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NOT_TEXT = dict.fromkeys([*range(9), *range(14, 32), 0x7F, *range(0xD800, 0xE000)], None)


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section]:
    """Yield the text in sections that end at the end of a line."""
    rest = ""
    for piece in decoded(file):
        rest += piece
        if len(rest) >= PIECE:
            cut = rest.rfind("\n") + 1 or rest.rfind(" ") + 1 or len(rest)
            yield Section(rest[:cut])
            rest = rest[cut:]
    if rest:
        yield Section(rest)


def whole(file: BinaryIO) -> str:
    """Return the whole text."""
    return "".join(decoded(file))


def decoded(file: BinaryIO) -> Iterator[str]:
    """Yield the text piece by piece, with `\\n` at the end of each line."""
    encoding = encoding_of(file.read(SAMPLE))
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    held = ""
    while True:
        raw = file.read(PIECE)
        text = held + decoder.decode(raw, final=not raw)
        # The `\n` of a `\r\n` may be in the next piece.
        held = "\r" if text.endswith("\r") and raw else ""
        text = text[: len(text) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
        yield text.translate(_NOT_TEXT)
        if not raw:
            return


def encoding_of(sample: bytes) -> str:
    """Return the encoding of a text that begins with these bytes; raise DocumentRefused.

    >>> encoding_of("Grüße".encode())
    'utf-8'
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if _is_utf8(sample):
        _require_text(sample)
        return "utf-8"
    likely = from_bytes(sample, cp_exclusion=["utf_7"])
    best = likely.best()
    if best is None:
        raise DocumentRefused("unknown-format", "The file is not text.")
    for other in likely:
        # Short texts fit several encodings equally well; Western European is the most common.
        is_equal = (other.chaos, other.coherence) == (best.chaos, best.coherence)
        if is_equal and "cp1252" in other.could_be_from_charset:
            _require_text(sample)
            return "cp1252"
    if not best.encoding.startswith("utf"):
        _require_text(sample)
    return best.encoding


def _is_utf8(sample: bytes) -> bool:
    try:
        # The sample may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=len(sample) < SAMPLE)
    except UnicodeDecodeError:
        return False
    return True


def _require_text(sample: bytes) -> None:
    if len(_CONTROLS.findall(sample)) > len(sample) // 100:
        raise DocumentRefused("unknown-format", "The file is not text.")
