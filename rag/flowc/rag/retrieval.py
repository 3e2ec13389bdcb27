"""Finds the passages that answer a question: by vectors, by words, or by both."""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from flowc.rag.embedding.embeddings import Embeddings
from flowc.rag.embedding.vector import Vector
from flowc.rag.stores import DocumentStore, Filter, ScoredPassage, read_filter

Mode = Literal["hybrid", "vector", "keyword"]
# The constant of reciprocal rank fusion: with a larger one, the first places count for less.
RRF_K = 60


class Reranker(Protocol):
    """A model that scores how well passages answer a question."""

    async def rerank(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """Return a score for each text, higher for a better one."""
        ...


class Search(BaseModel):
    """How to search. `hybrid` joins the rankings by vectors and by words (see `fuse`).

    The score of a passage is the cosine of its vector, BM25 of its words, for `hybrid` its place in
    both rankings (1 is the first place in both), or what a reranker gives. With `diversity` above
    0, passages that repeat better ones move down (MMR).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode = "hybrid"
    limit: int = Field(default=5, ge=1, le=100)
    candidates: int = Field(
        default=40, ge=1, le=1_000, description="Passages to rank before the best are chosen."
    )
    where: dict[str, Any] | None = Field(
        default=None, description="Conditions on passages: {lang: de, page: {$gte: 3}}."
    )
    threshold: float | None = Field(default=None, description="Lowest score that is returned.")
    diversity: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="From 0 to 1: how much passages lose for repeating better ones.",
    )


async def search(
    store: DocumentStore,
    name: str,
    question: str,
    settings: Search,
    embeddings: Embeddings,
    reranker: Reranker | None = None,
) -> list[ScoredPassage]:
    """Return the passages of a collection that answer a question best, the best first.

    Raises NoSuchCollection, FilterRefused, EmbeddingFailed.
    """
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
) -> list[ScoredPassage]:
    async def by_vector() -> list[ScoredPassage]:
        return await store.nearest(name, await embeddings.query(question), *extent)

    if not question.strip():
        return []
    if mode == "vector":
        return await by_vector()
    if mode == "keyword":
        return await store.matching(name, question, *extent)
    return fuse(*await asyncio.gather(by_vector(), store.matching(name, question, *extent)))


def fuse(*rankings: Sequence[ScoredPassage]) -> list[ScoredPassage]:
    """Join rankings by reciprocal rank fusion (RRF), whose scores need not be comparable.

    At place `p` of a ranking, counted from 0, a passage gets 61 / (61 + p). Its score is the sum,
    divided by the number of rankings: 1 for the first place in all of them.

    >>> from flowc.rag.stores import Passage
    >>> a, b, c, d = (ScoredPassage(Passage(name, 0, "", 1, 0, 1), 0.0) for name in "abcd")
    >>> [(each.passage.source, round(each.score, 3)) for each in fuse([a, b, c], [b, d])]
    [('b', 0.992), ('a', 0.5), ('d', 0.492), ('c', 0.484)]

    Of passages with equal scores, the one that is higher in the last ranking comes first. `search`
    passes words last: a word is there or not, while any two vectors are near to some degree.
    """
    places = [{_key(found): at for at, found in enumerate(ranking)} for ranking in rankings]
    # The first ranking overwrites the others, since its passages have vectors.
    known = {_key(found): found for ranking in reversed(rankings) for found in ranking}
    scores = {
        key: sum((RRF_K + 1) / (RRF_K + 1 + at[key]) for at in places if key in at) / len(rankings)
        for key in known
    }
    order = sorted(known, key=lambda key: (-scores[key], places[-1].get(key, len(known)), key))
    return [known[key]._replace(score=scores[key]) for key in order]


def _key(found: ScoredPassage) -> tuple[str, int]:
    return found.passage.source, found.passage.number


async def _diverse(
    candidates: list[ScoredPassage], settings: Search, embeddings: Embeddings
) -> list[ScoredPassage]:
    """Return a choice by maximal marginal relevance (MMR).

    Each time, the passage with the highest `(1 - diversity) * score - diversity * likeness` is
    chosen, where the likeness is the cosine to the most similar passage that was chosen before.
    """
    import numpy as np  # noqa: PLC0415 - only documents need it

    vectors = await _vectors(candidates, embeddings)
    scores = np.asarray([found.score for found in candidates])
    # Scores of any kind become 0 to 1, so that they weigh as much as cosines.
    spread = float(scores.max() - scores.min()) or 1.0
    worth = (scores - scores.min()) / spread
    alike = vectors @ vectors.T
    chosen = [int(worth.argmax())]
    while len(chosen) < min(settings.limit, len(candidates)):
        value = (1 - settings.diversity) * worth - settings.diversity * alike[:, chosen].max(axis=1)
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return [candidates[index] for index in chosen]


async def _vectors(candidates: list[ScoredPassage], embeddings: Embeddings) -> Vector:
    """Return the vectors of candidates, of length 1; those found by words alone are embedded."""
    import numpy as np  # noqa: PLC0415 - only documents need it

    missing = [found for found in candidates if found.vector is None]
    made = (
        iter(await embeddings.of([found.passage.text for found in missing]))
        if missing
        else iter(())
    )
    vectors = np.asarray([next(made) if c.vector is None else c.vector for c in candidates])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)
