"""Embeds texts without a key and without a network.

WordLlama has a vector for each token in its package; the vector of a text is their mean. It knows
which words are similar, best in English, but not their order. It serves first steps, tests and
small collections; a provider's model finds better.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flowc.rag.embedding.embedder import Embedded

NAME = "offline/wordllama"
DIMENSION = 256
# Texts are padded to the longest in their batch, so batches are small and sorted by length.
_BATCH = 16
MAX_CHARACTERS = 40_000


class OfflineEmbedder:
    """Embeds texts on this machine: 256 numbers each, thousands of texts a second."""

    name = NAME

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Embedded:
        """Return the vectors of texts, of a long text that of its first 40,000 characters."""
        return Embedded(
            await asyncio.to_thread(_vectors, [text[:MAX_CHARACTERS] for text in texts])
        )


def _vectors(texts: list[str]) -> Any:
    import numpy as np  # noqa: PLC0415 - only documents need it

    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    found = np.zeros((len(texts), DIMENSION), np.float32)
    for begin in range(0, len(texts), _BATCH):
        some = order[begin : begin + _BATCH]
        found[some] = _model().embed([texts[index] or " " for index in some], norm=True)
    return np.nan_to_num(found)


@cache
def _model() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    import wordllama  # noqa: PLC0415 - it takes a moment, and 100 MB

    # On import, it changes how the whole process logs.
    root.handlers[:] = handlers
    root.setLevel(level)
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
