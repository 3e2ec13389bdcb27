"""The node type `retrieve`: the passages of a collection that match a question."""

from typing import Any, ClassVar

from flowc.compiler.node import Context
from flowc.nodes.documents.passage_search import PassageSearch


class Retrieve(PassageSearch):
    """Find the passages of a collection that match a question best.

    The output has the `passages`, best first, each with its `number`, `text`, `score`, `source`,
    `page`, `headings`, `start`, `end` and `metadata`, so that an answer can cite it; their `count`;
    and the `context`, all of them as one text for a prompt, each under its number: `[1]`. The node
    fails with `no-such-collection` if there is no such collection.
    """

    type: ClassVar = "retrieve"

    async def run(self, context: Context) -> dict[str, Any]:
        """Find the passages."""
        return await self.found(context)
