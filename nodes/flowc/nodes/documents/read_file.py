"""The node type `read_file`: a document as text."""

from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.node import Context
from flowc.nodes.documents.document_node import DocumentNode


class ReadFile(DocumentNode):
    """Read one document as text: PDF, Office files, HTML, Markdown, CSV, JSON, e-mail, plain text.

    The output has the `source`, the `format`, the `text`, its length in `characters`, whether it
    `is_cut_off`, the `metadata` of the file, and `sections`: the start and end of each page and
    heading in the text. The node fails, with a code that names the reason, if the document does not
    exist, is not allowed or cannot be read.
    """

    type: ClassVar = "read_file"
    group: ClassVar = "documents"

    ocr: bool = Field(default=False, description="Recognise the text of scanned pages.")

    async def run(self, context: Context) -> dict[str, Any]:
        """Read the document."""
        return await self.document(context, with_ocr=self.ocr)
