"""A host with documents in a folder, on which workflows run."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from fakes.flows import Ran, run
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.knowledge import Knowledge, Sources
from flowc.nodes.services.models import Models
from flowc.rag.folders import Folders
from flowc.rag.stores.local import LocalStore

GUIDE = """# Guide

## Opening hours

The harbour office opens at seven in the morning.

## Fees

A berth costs twelve crowns a night.
"""


class World:
    """A host with documents in a folder."""

    def __init__(self, folder: Path, models: Models | None = None) -> None:
        self.docs = folder / "docs"
        self.docs.mkdir(exist_ok=True)
        (self.docs / "guide.md").write_text(GUIDE)
        self.http = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
        self.models = models or Models()
        store = partial(LocalStore.open, folder / "knowledge")
        self.knowledge = Knowledge(store, self.models, Sources(Folders([self.docs]), self.http))

    async def run(self, *nodes: dict[str, Any], given: Any = None) -> Ran:
        chained = [{**node, "depends_on": [before["id"]]} for before, node in pairwise(nodes)]
        services = {Knowledge: self.knowledge, Models: self.models, HttpClient: self.http}
        return await run({"nodes": [*nodes[:1], *chained]}, given, services)

    async def aclose(self) -> None:
        await self.knowledge.aclose()
        await self.http.aclose()
