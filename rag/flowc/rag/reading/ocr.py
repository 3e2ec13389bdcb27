"""Recognises the text of scanned pages, with the models in the package rapidocr."""

from typing import Any, BinaryIO

import numpy as np

from flowc.rag.documents import DocumentRefused

# Pixels for each point of a page: printed letters are then about twenty pixels high.
SCALE = 2
MAX_PIXELS = 40_000_000


class Recogniser:
    """Recognises the text of pages of a PDF, and of images."""

    def __init__(self) -> None:
        import pypdfium2  # noqa: PLC0415 - an extra
        from PIL import Image  # noqa: PLC0415 - an extra
        from rapidocr import RapidOCR  # noqa: PLC0415 - an extra

        settings = {
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        }
        self._engine: Any = RapidOCR(params=settings)
        self._open: Any = pypdfium2.PdfDocument
        self._image: Any = Image
        # Otherwise, Pillow would import each image format at first use.
        Image.init()
        # Loads the models while files can still be opened.
        self._engine(_sample())

    def page(self, file: BinaryIO, number: int) -> str:
        """Return the text of a page of a PDF; pages are counted from 1."""
        file.seek(0)
        document = self._open(file)
        try:
            page = document[number - 1]
            width, height = page.get_size()
            if width * height * SCALE**2 > MAX_PIXELS:
                return ""
            return self._lines(page.render(scale=SCALE).to_numpy())
        finally:
            document.close()

    def image(self, file: BinaryIO) -> str:
        """Return the text of an image; raise DocumentRefused."""
        file.seek(0)
        with self._image.open(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                message = f"The image has more than {MAX_PIXELS:,} pixels."
                raise DocumentRefused("document-too-large", message)
            return self._lines(np.asarray(image.convert("RGB")))

    def _lines(self, image: Any) -> str:
        """Return the lines of an image, from the top down."""
        found = self._engine(image)
        return "\n".join(found.txts or ())


def _sample() -> Any:
    """Return an image with text in it: the models are loaded when an image has some."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - an extra

    image = Image.new("RGB", (400, 100), "white")
    ImageDraw.Draw(image).text((20, 20), "Sample 123", "black", ImageFont.load_default(40))
    return np.asarray(image)
