"""What does a document say?"""

from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context
from flowc.nodes.documents.document_node import DocumentNode


class ReadFile(DocumentNode):
    """Read one document as text: PDF, Office files, HTML, Markdown, CSV, JSON, e-mail, text.

    `sections` say where in the text pages are, and headings.
    """

    type: ClassVar = "read_file"
    group: ClassVar = "documents"

    ocr: bool = Field(default=False, description="Recognise pages that were scanned.")

    async def run(self, context: Context) -> dict[str, Any]:
        """Read it."""
        return await self.document(context, with_ocr=self.ocr)
