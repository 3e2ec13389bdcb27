"""What does an image say, if there is somebody to recognise it?"""

from collections.abc import Iterator
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.recognition import Recognise


def read(file: BinaryIO, recognise: Recognise | None) -> Iterator[Section]:
    """Give the text of the image."""
    if recognise is None:
        raise DocumentRefused("no-ocr", "It is an image, whose text is recognised only with OCR.")
    text = recognise.image(file)
    if text.strip():
        yield Section(text.strip() + "\n", page=1)
