"""Defines what an embedding model must provide."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flowc.rag.embedding.vector import Vectors


class Embedded(NamedTuple):
    """Vectors, one row for each text, and their price in tokens and, where known, US dollars."""

    vectors: Vectors
    tokens: int = 0
    cost: float = 0.0


class EmbeddingFailed(Exception):
    """The embedding model failed.

    If it `may_pass`, another attempt may succeed, after `retry_after` seconds where the model
    names a time.
    """

    def __init__(
        self, code: str, message: str, *, may_pass: bool = False, retry_after: float | None = None
    ) -> None:
        self.code, self.message = code, message
        self.may_pass, self.retry_after = may_pass, retry_after
        super().__init__(message)


class Embedder(Protocol):
    """A model; only vectors of the same `name` are compared with each other."""

    name: str

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Embedded:
        """Return the vectors of texts that are not empty; raise EmbeddingFailed.

        Some models embed a question (`is_query`) differently from the passages that answer it.
        """
        ...
