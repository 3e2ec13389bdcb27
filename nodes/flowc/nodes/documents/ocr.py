"""What does an image, or a scanned document, say?"""

from typing import Any, ClassVar

from flowc.compiler.node import Context
from flowc.nodes.documents.document_node import DocumentNode


class Ocr(DocumentNode):
    """Recognise the text of an image, or of the pages of a PDF that have none.

    It takes the extra `flowc[ocr]`, and some seconds a page.
    """

    type: ClassVar = "ocr"
    group: ClassVar = "documents"

    async def run(self, context: Context) -> dict[str, Any]:
        """Recognise it."""
        return await self.document(context, with_ocr=True)
