"""The node type `ocr_switch`: whether the text of a document must be recognised."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, NodeError, Outcome
from flowc.nodes.documents.document_node import DocumentNode

_BRANCHES = ("ocr", "text")
# The failures of a document that has no text of its own.
_WITHOUT_TEXT = frozenset({"no-ocr", "unknown-format"})


class OcrSwitch(DocumentNode):
    """Read a document, and recognise its text if it has too little of its own, as scans do.

    The branch is `ocr` if the text was recognised, and `text` if not. Edges name the branch that
    they belong to, or `ocr_edge` and `text_edge` name the next nodes; an edge without a branch is
    taken either way. The output is that of `read_file`, with the `branch` and `used_ocr`.
    """

    type: ClassVar = "ocr_switch"
    group: ClassVar = "documents"

    ocr: Literal["auto"] | bool = Field(
        default="auto",
        description="`auto`: if the text is shorter than `min_characters`; true: always; false:"
        " never.",
    )
    min_characters: int = Field(
        default=20, ge=0, description="A document with less text than this is taken for a scan."
    )
    ocr_edge: str | None = Field(
        default=None, description="Id of the next node if the text was recognised."
    )
    text_edge: str | None = Field(default=None, description="Id of the next node if not.")

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        """Return both branches, each with the node that the configuration names."""
        given = {name: config.get(f"{name}_edge") for name in _BRANCHES}
        return {name: id if isinstance(id, str) else None for name, id in given.items()}

    @classmethod
    def branch_path(cls, branch: str) -> tuple[str, ...]:
        """Return the key that names a branch's target."""
        return (f"{branch}_edge",)

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of a document, with the branch."""
        found = super().describe_output(config)
        own: Schema = {"branch": {"enum": list(_BRANCHES)}, "used_ocr": {"type": "boolean"}}
        properties = {**found["properties"], **own}
        return {"type": "object", "properties": properties, "required": list(properties)}

    async def run(self, context: Context) -> Any:
        """Read the document, and choose the branch."""
        found = None if self.ocr is True else await self._plain(context)
        uses_ocr = found is None
        if found is None:
            found = await self.document(context, with_ocr=True)
        branch = "ocr" if uses_ocr else "text"
        return Outcome({**found, "branch": branch, "used_ocr": uses_ocr}, branch=branch)

    async def _plain(self, context: Context) -> dict[str, Any] | None:
        """Return the document as it is; None if its text must be recognised."""
        try:
            found = await self.document(context, with_ocr=False)
        except NodeError as problem:
            if self.ocr is False or problem.code not in _WITHOUT_TEXT:
                raise
            return None
        is_scan = len(found["text"].strip()) < self.min_characters
        return None if self.ocr == "auto" and is_scan else found
