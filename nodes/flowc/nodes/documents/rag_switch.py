"""The node type `rag_switch`: whether a question is answered from documents."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Condition, Context, Effects, Outcome
from flowc.nodes.documents.passage_search import PassageSearch, found_of

_BRANCHES = ("rag", "direct")


class RagSwitch(PassageSearch):
    """Search a collection if `enabled` holds, and choose the branch `rag` if something is found.

    Otherwise, the branch is `direct`. Edges name the branch that they belong to, or `rag_edge` and
    `direct_edge` name the next nodes; an edge without a branch is taken either way. The output is
    that of `retrieve`, with the `branch` and whether documents are `used`; on `direct`, its
    `passages` are empty, and its `context` is an empty text.
    """

    type: ClassVar = "rag_switch"

    enabled: Condition = Field(
        default=True, description="Whether to search: {{input.use_documents}}."
    )
    rag_edge: str | None = Field(
        default=None, description="Id of the next node if something is found."
    )
    direct_edge: str | None = Field(default=None, description="Id of the next node otherwise.")

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
        """Return the schema of the passages, with the branch."""
        found = super().describe_output(config)
        own: Schema = {"branch": {"enum": list(_BRANCHES)}, "used": {"type": "boolean"}}
        properties = {**found["properties"], **own}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the effects of a search; one that is not enabled has none."""
        found = super().effects(config)
        return Effects(reads_only=True) if config.get("enabled") is False else found

    async def run(self, context: Context) -> Any:
        """Search, and choose the branch."""
        found = await self.found(context) if self.enabled else found_of([])
        branch = "rag" if found["passages"] else "direct"
        return Outcome({**found, "branch": branch, "used": branch == "rag"}, branch=branch)
