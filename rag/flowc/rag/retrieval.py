"""Which passages answer a question? By vectors, by words, or by both."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from flowc.rag.embedding.embeddings import Embeddings
from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import DocumentStore, Filter, FoundPassage, read_filter

Mode = Literal["hybrid", "vector", "keyword"]
# Of reciprocal rank fusion: how little the first places count more than those after them.
RRF_K = 60


class Reranker(Protocol):
    """A model that says how well passages answer a question."""

    async def rerank(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a score for each text, higher for a better one."""
        ...


class Search(BaseModel):
    """How to search. `hybrid` joins vectors and words by reciprocal rank fusion.

    Scores are cosines of vectors, BM25 of words, of both how near to the first place in each (1 is
    the first in both), or a reranker's; none below the `threshold` is given. `diversity` above 0
    has passages give way that say what those before them do (MMR).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode = "hybrid"
    limit: int = Field(default=5, ge=1, le=100)
    candidates: int = Field(
        default=40, ge=1, le=1_000, description="Looked at before the best are chosen."
    )
    where: dict[str, Any] | None = Field(
        default=None, description="What passages must fit: {lang: de, page: {$gte: 3}}."
    )
    threshold: float | None = Field(default=None, description="No score below is given.")
    diversity: float = Field(
        default=0.0, ge=0.0, le=1.0, description="Above 0, passages that repeat others give way."
    )


async def search(
    store: DocumentStore,
    name: str,
    question: str,
    settings: Search,
    embeddings: Embeddings,
    reranker: Reranker | None = None,
) -> list[FoundPassage]:
    """Return the passages that fit a question best; raise NoSuchCollection, EmbeddingFailed."""
    where = read_filter(settings.where)
    count = max(settings.candidates, settings.limit)
    candidates = await _candidates(store, name, question, settings.mode, (count, where), embeddings)
    if reranker is not None and candidates:
        texts = [found.passage.text for found in candidates]
        scores = await reranker.rerank(question, texts)
        ranked = zip(candidates, scores, strict=True)
        candidates = sorted((c._replace(score=s) for c, s in ranked), key=lambda c: -c.score)
    if settings.threshold is not None:
        candidates = [found for found in candidates if found.score >= settings.threshold]
    if settings.diversity and len(candidates) > 1:
        candidates = await _diverse(candidates, settings, embeddings)
    return candidates[: settings.limit]


async def _candidates(
    store: DocumentStore,
    name: str,
    question: str,
    mode: Mode,
    extent: tuple[int, Filter | None],
    embeddings: Embeddings,
) -> list[FoundPassage]:
    async def by_vector() -> list[FoundPassage]:
        return await store.nearest(name, await embeddings.query(question), *extent)

    if not question.strip():
        return []
    if mode == "vector":
        return await by_vector()
    if mode == "keyword":
        return await store.matching(name, question, *extent)
    return fuse(*await asyncio.gather(by_vector(), store.matching(name, question, *extent)))


def fuse(*rankings: Sequence[FoundPassage]) -> list[FoundPassage]:
    """Join rankings: a passage counts by its places in them, 1 for the first place in all.

    Of passages that count the same, the one comes first that does in the last ranking: that of
    words, since a word is there or not, where vectors are only near.
    """
    places = [{_place(found): at for at, found in enumerate(ranking)} for ranking in rankings]
    # Those of the first ranking last, so that they stay: they have vectors.
    known = {_place(found): found for ranking in reversed(rankings) for found in ranking}
    scores = {
        place: sum((RRF_K + 1) / (RRF_K + 1 + at[place]) for at in places if place in at)
        / len(rankings)
        for place in known
    }
    order = sorted(known, key=lambda p: (-scores[p], places[-1].get(p, len(known)), p))
    return [known[place]._replace(score=scores[place]) for place in order]


def _place(found: FoundPassage) -> tuple[str, int]:
    return found.passage.source, found.passage.number


async def _diverse(
    candidates: list[FoundPassage], settings: Search, embeddings: Embeddings
) -> list[FoundPassage]:
    """Choose one after the other: what is good, and unlike those that are chosen (MMR)."""
    vectors = await _vectors(candidates, embeddings)
    scores = np.asarray([found.score for found in candidates])
    spread = float(scores.max() - scores.min()) or 1.0
    worth = (scores - scores.min()) / spread
    alike = vectors @ vectors.T
    chosen = [int(worth.argmax())]
    while len(chosen) < min(settings.limit, len(candidates)):
        value = (1 - settings.diversity) * worth - settings.diversity * alike[:, chosen].max(axis=1)
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return [candidates[index] for index in chosen]


async def _vectors(candidates: list[FoundPassage], embeddings: Embeddings) -> Vector:
    """Return the vectors of candidates, of length 1; those found by words alone are looked up."""
    missing = [found for found in candidates if found.vector is None]
    made = (
        iter(await embeddings.of([found.passage.text for found in missing]))
        if missing
        else iter(())
    )
    vectors = np.asarray([next(made) if c.vector is None else c.vector for c in candidates])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)
