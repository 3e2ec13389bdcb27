"""What does a model of embeddings promise?"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Embedded(NamedTuple):
    """Vectors, a row for each text, and what they took: tokens, and US dollars as far as known."""

    vectors: NDArray[np.float32]
    tokens: int = 0
    cost: float = 0.0


class EmbeddingFailed(Exception):
    """Whoever has texts embedded meets this where the model fails.

    One that `may_pass` is worth another attempt, after `retry_after` seconds if that was said.
    """

    def __init__(
        self, code: str, message: str, *, may_pass: bool = False, retry_after: float | None = None
    ) -> None:
        self.code, self.message = code, message
        self.may_pass, self.retry_after = may_pass, retry_after
        super().__init__(message)


class Embedder(Protocol):
    """A model; the vectors of one `name` are compared with each other, and with no others."""

    name: str

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Embedded:
        """Return the vectors of texts, none of them empty; raise EmbeddingFailed.

        Some models have other vectors for questions than for passages that answer them.
        """
        ...
