"""The nodes for documents: read, cut, embed, store, search, and answer with citations."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fakes import document_files as papers
from fakes.document_world import GUIDE, World
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.compiler.check import check_workflow
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.models import ModelAlias, Models

pytestmark = pytest.mark.usefixtures("granularity")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.aclose()


def node(type: str, **config: Any) -> dict[str, Any]:
    return {"id": config.pop("id", type), "type": type, "config": config}


RETRIEVE = node("retrieve", collection="guides", query="{{input.question}}", limit=2)


async def test_a_document_is_read_cut_embedded_stored_and_found(world: World) -> None:
    ran = await world.run(
        node("read_file", path="guide.md"),
        node("chunk", document="{{read_file.output}}", by="headings", size=64, overlap=0),
        node("embed", chunks="{{chunk.output.chunks}}"),
        node(
            "store",
            collection="guides",
            source="{{read_file.output.source}}",
            chunks="{{chunk.output.chunks}}",
            vectors="{{embed.output.vectors}}",
            metadata={"lang": "en"},
        ),
        RETRIEVE,
        given={"question": "When does the office open?"},
    )
    assert ran.outputs["read_file"]["format"] == "markdown"
    chunks = ran.outputs["chunk"]["chunks"]
    assert [chunk["headings"] for chunk in chunks] == [
        ["Guide"], ["Guide", "Opening hours"], ["Guide", "Fees"],
    ]  # fmt: skip
    for chunk in chunks:
        assert GUIDE[chunk["start"] : chunk["end"]] == chunk["text"]
    assert (ran.outputs["embed"]["dimension"], len(ran.outputs["embed"]["vectors"])) == (256, 3)
    assert ran.outputs["store"]["passages"] == 3
    best = ran.output["passages"][0]
    assert "opens at seven" in best["text"]
    assert (best["number"], best["source"], best["metadata"]) == (1, "guide.md", {"lang": "en"})
    assert ran.output["context"].startswith("[1] (guide.md)\n## Opening")


async def test_ingest_takes_folders_texts_and_web_pages(world: World) -> None:
    papers.pdf(world.docs / "fees.pdf", ["Fees are paid in cash.", "Cards are not taken."])
    (world.docs / "broken.pdf").write_bytes(b"%PDF-1.4 x")
    with serving(lambda request: Reply(200, b"<h1>News</h1><p>The bridge is closed.</p>", {"content-type": "text/html"})) as server:  # fmt: skip
        ingest = node(
            "ingest",
            collection="guides",
            paths=".",
            urls=[f"{server.url}/news"],
            documents=[{"source": "note", "text": "Bring a rope.", "metadata": {"lang": "en"}}],
            chunking={"size": 64, "overlap": 8},
        )
        ran = await world.run(ingest)
        again = await world.run(ingest)
    report = ran.output
    assert (report["added"], report["failed"]) == (4, 1)
    assert report["failures"][0]["code"] == "broken-document"
    documents = [event.data["data"] for event in ran.events if event.data.get("kind") == "document"]
    assert {each["status"] for each in documents} == {"added", "failed"}
    assert (again.output["unchanged"], again.output["embedded"]) == (4, 0)
    for question, source in (("bridge", f"{server.url}/news"), ("rope", "note")):
        found = await world.run(RETRIEVE, given={"question": question})
        assert found.output["passages"][0]["source"] == source
    found = await world.run({**RETRIEVE, "config": {**RETRIEVE["config"], "where": {"lang": "en"}}}, given={"question": "x"})  # fmt: skip
    assert [each["source"] for each in found.output["passages"]] == ["note"]


async def test_providers_models_embed_and_rank(tmp_path: Path) -> None:
    """By the wire formats of OpenAI and Cohere."""

    def answer(request: Request) -> Reply:
        given = request.json
        assert request.headers["authorization"].endswith("sk-loopback-0123456789")
        if request.path.endswith("/rerank"):
            lengths = [len(each) for each in given["documents"]]
            results = [{"index": i, "relevance_score": 1 / n} for i, n in enumerate(lengths)]
            return reply_json({"id": "x", "results": results, "meta": {}})
        rows = [
            {
                "object": "embedding",
                "index": i,
                "embedding": [float(text.count(c)) for c in "abcdef"],
            }
            for i, text in reversed(list(enumerate(given["input"])))
        ]
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        return reply_json({"object": "list", "data": rows, "model": "m", "usage": usage})

    with serving(answer) as server:
        key = SecretStr("sk-loopback-0123456789")
        models = Models(
            {
                "small": ModelAlias(model="openai/text-embedding-3-small", api_base=f"{server.url}/v1", api_key=key),
                "rank": ModelAlias(model="cohere/rerank-v3.5", api_base=f"{server.url}/v2/rerank", api_key=key),
            }
        )  # fmt: skip
        world = World(tmp_path, models)
        texts = [{"source": text, "text": text} for text in ("aaa aaa", "bbb", "cccccc a")]
        ran = await world.run(node("ingest", collection="letters", documents=texts, model="small"))
        assert (ran.output["added"], ran.output["tokens"]) == (3, 14)
        assert ran.output["cost"] > 0
        [done] = [event for event in ran.events if event.kind == "node.completed"]
        assert done.data["usage"]["total_tokens"] == 14
        query = {"collection": "letters", "query": "bbb", "mode": "vector", "limit": 1}
        ran = await world.run(node("retrieve", **query))
        assert ran.output["passages"][0]["source"] == "bbb"
        [done] = [event for event in ran.events if event.kind == "node.completed"]
        assert done.data["usage"]["total_tokens"] == 7
        assert done.data["usage"]["cost"] > 0
        ran = await world.run(node("retrieve", **{**query, "query": "a"}, rerank="rank"))
        assert ran.output["passages"][0]["source"] == "bbb"
        # Its passages were embedded with another model.
        with pytest.raises(NodeFailed, match="holds vectors of openai/text-embedding-3-small"):
            await world.run(node("ingest", collection="letters", documents=texts, model="offline/wordllama"))  # fmt: skip
        await world.aclose()


async def test_an_agent_searches_documents(world: World) -> None:
    await world.run(node("ingest", collection="guides", paths="guide.md"))
    tool = {"id": "search", "type": "retrieve", "config": {"collection": "guides", "limit": 1}}
    agent = node("agent", prompt="What does a berth cost?", model="offline/agent", tools=[tool])
    ran = await world.run(agent)
    assert "twelve crowns" in ran.output["text"]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (node("retrieve", collection="none", query="x"), "There is no collection 'none'"),
    (node("read_file", path="none.txt"), "There is no file"),
    (node("read_file", path="../secret.txt"), "not in a folder"),
    (node("read_file", path="/etc/passwd"), "not in a folder"),
    (node("read_file", file="none"), "no uploaded file 'none'"),
    (node("read_file", url="http://169.254.169.254/x"), "169.254.169.254"),
    (node("read_file", path="noise.bin"), "not text"),
    (node("ingest", collection="x", paths="elsewhere/.."), "not in a folder"),
    (node("ingest", collection="x", files=["none"]), "no uploaded file"),
    (node("chunk", document={"sections": [{}]}), "form of an output of `read_file`"),
    (node("store", collection="x", source="a", chunks=[{}]), "Chunk 0 has no `text`"),
    (
        node("store", collection="x", source="a", chunks=[{"text": "b"}], vectors=[]),
        "0 vectors for 1",
    ),
    (
        node(
            "store", collection="x", source="a", chunks=[{"text": "b"}] * 2, vectors=[[1], [1, 2]]
        ),
        "differ in length",
    ),
    (node("embed", texts=["x"], model="openai/none-such"), "no key for the model"),
]


@pytest.mark.parametrize(("wrong", "sentence"), MISTAKES)
async def test_a_failure_has_a_code_and_a_sentence(
    world: World, wrong: dict[str, Any], sentence: str
) -> None:
    (world.docs / "noise.bin").write_bytes(bytes(range(256)))
    with pytest.raises(NodeFailed, match=sentence):
        await world.run(wrong)


async def test_a_wrong_filter_fails_the_node(world: World) -> None:
    await world.run(node("ingest", collection="x", paths="guide.md"))
    with pytest.raises(NodeFailed, match=r"There is no operator '\$like'"):
        await world.run(node("retrieve", collection="x", query="x", where={"a": {"$like": "x"}}))


@pytest.mark.parametrize(
    "wrong",
    [
        node("read_file"), node("read_file", path="a", url="b"), node("chunk"),
        node("chunk", text="x", size=10, overlap=6), node("embed"), node("ingest", collection="x"),
        node("ingest", collection="x", paths="a", chunking={"size": 1}),
        node("retrieve", collection="x", query="x", mode="magic"),
        node("retrieve", collection="x", query="x", limit=0),
    ],
)  # fmt: skip
def test_wrong_configurations_are_reported_before_a_run(wrong: dict[str, Any]) -> None:
    found = check_workflow(from_data({"nodes": [wrong]}), Registry.installed())
    assert [each.code for each in found if each.severity == "error"] == ["invalid-value"]
