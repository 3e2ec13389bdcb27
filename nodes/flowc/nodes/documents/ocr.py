"""The node type `ocr`: the text of an image or a scanned document."""

from collections.abc import Mapping
from typing import Any, ClassVar

from flowc.compiler.node import Context, Effects
from flowc.nodes.documents.document_node import DocumentNode


class Ocr(DocumentNode):
    """Recognise the text of an image, or of the pages of a PDF that contain no text.

    The output is that of `read_file`. It needs the extra `flowc[ocr]`, and takes some seconds per
    page.
    """

    type: ClassVar = "ocr"
    group: ClassVar = "documents"

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the file, or the address; and OCR."""
        return super().effects({**config, "ocr": True})

    async def run(self, context: Context) -> dict[str, Any]:
        """Recognise the text."""
        return await self.document(context, with_ocr=True)
