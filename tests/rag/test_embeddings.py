"""Texts are embedded in batches, several at once, none twice, and again after some failures."""

import subprocess
import sys

import numpy as np
import pytest

from fakes.document_collections import Letters
from flowc.rag.embedding import Embedded, EmbeddingFailed, Embeddings, OfflineEmbedder
from flowc.rag.embedding.embeddings import Batches
from flowc.rag.embedding.vector import Vector


class Memory:
    """Stores vectors in a dict."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, bytes], Vector] = {}

    async def known_vectors(self, model, keys):
        return {key: self.stored[model, key] for key in keys if (model, key) in self.stored}

    async def store_vectors(self, model, vectors):
        self.stored |= {(model, key): vector for key, vector in vectors.items()}


async def test_texts_are_embedded_in_batches_in_their_order() -> None:
    letters = Letters()
    embeddings = Embeddings(letters, None, Batches(max_texts=10, max_tokens=100, concurrency=3))
    texts = [chr(97 + i % 26) * (i + 1) for i in range(35)]
    vectors = await embeddings.of(texts)
    assert [int(np.argmax(vector)) for vector in vectors] == [i % 26 for i in range(35)]
    assert max(letters.batches) <= 10
    assert letters.texts == 35
    assert letters.most_at_once == 3
    long = await embeddings.of(["a" * 1_000, "b" * 1_000])
    assert len(long) == 2
    assert letters.batches[-2:] == [1, 1]
    await embeddings.of(["c" * 1_000, "d" * 1_000, "e" * 1_000], [40, 60, 60])
    assert letters.batches[-2:] == [2, 1], "known sizes are used instead of estimates"
    assert embeddings.usage.embedded == 40
    assert embeddings.usage.cost == pytest.approx(0.040)
    assert await embeddings.of([]) == []


async def test_no_text_is_embedded_twice() -> None:
    letters, memory = Letters(), Memory()
    embeddings = Embeddings(letters, memory)
    await embeddings.of(["a", "b", "a"])
    assert letters.texts == 2
    again = Embeddings(letters, memory)
    vectors = await again.of(["b", "c", "a"])
    assert letters.texts == 3
    assert [int(np.argmax(vector)) for vector in vectors] == [1, 2, 0]
    assert (again.usage.embedded, again.usage.cached) == (1, 2)
    other = Embeddings(Letters("test/other"), memory)
    await other.of(["a"])
    assert other.usage.embedded == 1


async def test_failures_that_may_pass_are_retried() -> None:
    letters = Letters()
    busy = EmbeddingFailed("busy", "Too many.", may_pass=True, retry_after=0.001)
    letters.failures = [busy, EmbeddingFailed("down", "Down.", may_pass=True)]
    embeddings = Embeddings(letters, None, Batches(initial_wait=0.001))
    assert len(await embeddings.of(["a"])) == 1
    letters.failures = [busy] * 9
    with pytest.raises(EmbeddingFailed, match="Too many"):
        await embeddings.of(["a"])
    assert len(letters.failures) == 4
    letters.failures = [EmbeddingFailed("wrong", "No.")] * 2
    with pytest.raises(EmbeddingFailed, match=r"No\."):
        await embeddings.of(["a"])
    assert len(letters.failures) == 1


@pytest.mark.parametrize("rows", [[[1.0]], [[1.0], [float("nan")]], [1.0, 2.0]])
async def test_invalid_vectors_are_refused(rows: list) -> None:
    class Wrong(Letters):
        async def embed(self, texts, *, is_query=False):
            return Embedded(np.asarray(rows, np.float32))

    with pytest.raises(EmbeddingFailed, match="no vector for each"):
        await Embeddings(Wrong()).of(["a", "b"])


def test_the_offline_model_does_not_change_logging() -> None:
    script = (
        "import asyncio, logging; from flowc.rag.embedding import OfflineEmbedder;"
        "asyncio.run(OfflineEmbedder().embed(['x']));"
        "print(logging.getLogger().handlers, logging.getLogger().level)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[] 30\n", "")


async def test_the_offline_model_finds_similar_words() -> None:
    texts = ["The automobile drove quickly.", "Bananas are yellow.", "x" * 200_000, " ", "漢字"]
    vectors = (await OfflineEmbedder().embed([*texts, "A fast car."])).vectors
    assert vectors.shape == (6, 256)
    assert vectors @ vectors[5] @ np.eye(6)[0] > 0.4 > vectors[1] @ vectors[5]
    alone = (await OfflineEmbedder().embed(["A fast car."])).vectors[0]
    assert np.allclose(alone, vectors[5], atol=1e-5)
