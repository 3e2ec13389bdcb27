"""The node type `ocr`: the text of an image or a scanned document."""

from typing import Any, ClassVar

from flowc.compiler.node import Context
from flowc.nodes.documents.document_node import DocumentNode


class Ocr(DocumentNode):
    """Recognise the text of an image, or of the pages of a PDF that contain no text.

    The output is that of `read_file`. It takes some seconds per page.
    """

    type: ClassVar = "ocr"
    group: ClassVar = "documents"
    extra: ClassVar = "ocr"

    async def run(self, context: Context) -> dict[str, Any]:
        """Recognise the text."""
        return await self.document(context, with_ocr=True)
