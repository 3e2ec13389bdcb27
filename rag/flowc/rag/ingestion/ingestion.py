"""How is a collection brought to what its documents are now, whatever ends it on the way?

What is finished is kept: an ingestion that is begun again goes on where the last one was ended.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass

from flowc.rag.chunking import Chunking
from flowc.rag.embedding import Embeddings
from flowc.rag.ingestion.items import Item
from flowc.rag.ingestion.report import Report, Tell
from flowc.rag.ingestion.visit import Visit
from flowc.rag.reading import Reader
from flowc.rag.stores import Store


@dataclass(frozen=True)
class Ingestion:
    """How documents are brought into the collections of a store."""

    store: Store
    reader: Reader
    embeddings: Embeddings
    chunking: Chunking = Chunking()
    with_ocr: bool = False

    async def run(
        self,
        collection: str,
        items: AsyncIterable[Item],
        *,
        origin: str = "",
        removes: bool = False,
        tell: Tell = lambda kind, data: None,
    ) -> Report:
        """Bring in what is new or has changed; return what was done.

        With `removes`, documents of the `origin` that are not among the items are taken away. A
        document that cannot be read is noted, and what was there of it stays. One ingestion at a
        time works on a collection; others wait. Raises CollectionDiffers, EmbeddingFailed.
        """
        dimension = await self.embeddings.dimension()
        await self.store.create(collection, self.embeddings.model, dimension)
        report = Report()
        async with self.store.alone(collection):
            # Those who were at work on these are gone.
            await self.store.sweep(collection)
            visit = Visit(self, collection, origin, report, tell)
            await visit.bring_in(items)
            if removes:
                await visit.remove_unseen()
        return report
