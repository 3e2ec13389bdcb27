"""The workflow that answers from documents, as it is shipped."""

from functools import partial
from pathlib import Path

from fakes.flows import run
from fakes.places import WORKFLOWS
from flowc.compiler.reading.documents import read_file
from flowc.nodes.services.egress import HttpClient
from flowc.nodes.services.knowledge import Knowledge, Sources
from flowc.nodes.services.models import Models
from flowc.rag.folders import Folders
from flowc.rag.stores.local import LocalStore

WORKFLOW = WORKFLOWS / "ask_documents.yaml"


async def test_it_answers_with_citations_and_says_when_it_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "fees.md").write_text("# Fees\n\nA berth costs 12.50 crowns a night.\n")
    (tmp_path / "hours.txt").write_text("The office opens at seven. It closes at noon.")
    http, models = HttpClient(), Models()
    store = partial(LocalStore.open, tmp_path / "knowledge")
    knowledge = Knowledge(store, models, Sources(Folders([tmp_path]), http))
    services = {Knowledge: knowledge, Models: models}
    ingest = {"collection": "documents", "paths": "."}
    await run({"nodes": [{"id": "i", "type": "ingest", "config": ingest}]}, None, services)
    workflow = read_file(WORKFLOW).data
    ran = await run(workflow, {"question": "What does a berth cost?"}, services)
    assert ran.output["answer"] == "A berth costs 12.50 crowns a night."
    assert ran.output["sources"][0]["source"].endswith("fees.md")
    store_ = await knowledge.store()
    await store_.remove("documents", [d.source for d in await store_.documents("documents", "", 9)])
    ran = await run(workflow, {"question": "What does a berth cost?"}, services)
    assert ran.output == {"answer": "The documents say nothing of this.", "sources": []}
    await knowledge.aclose()
    await http.aclose()
