"""How many tokens are in a text, and where does each end? With tiktoken, and without a network."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

EncodingName = Literal["cl100k_base", "o200k_base", "p50k_base"]
ENCODINGS: tuple[str, ...] = get_args(EncodingName)


class Tokens:
    """Counts the tokens of one encoding; words that are special to models count as any others."""

    def __init__(self, encoding: str = "cl100k_base") -> None:
        self._encoding = _encoding(encoding)
        self._lengths = _lengths(encoding)

    def count(self, text: str) -> int:
        """Return how many tokens a text is."""
        return len(self._encoding.encode_ordinary(text))

    def ends(self, text: str) -> NDArray[np.int64]:
        """Return after which character each token ends; several may share in one character."""
        tokens = self._encoding.encode_to_numpy(text, disallowed_special=())
        in_bytes = np.cumsum(self._lengths[tokens])
        if text.isascii():
            return in_bytes
        raw = np.frombuffer(text.encode(), np.uint8)
        begun: NDArray[np.int64] = np.cumsum((raw & 0xC0) != 0x80)
        ends: NDArray[np.int64] = begun[in_bytes - 1]
        return ends


@cache
def _encoding(name: str) -> Any:
    found = find_spec("litellm")
    folder = next(iter(found.submodule_search_locations or ()), "") if found is not None else ""
    # Without these, which litellm brings along, tiktoken would fetch its tables from the network.
    tables = Path(folder, "litellm_core_utils", "tokenizers")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)
    import tiktoken  # noqa: PLC0415 - it takes a moment, and few need it

    return tiktoken.get_encoding(name)


@cache
def _lengths(name: str) -> NDArray[np.int64]:
    encoding = _encoding(name)
    lengths = np.zeros(encoding.n_vocab, np.int64)
    for value in encoding.token_byte_values():
        lengths[encoding.encode_single_token(value)] = len(value)
    return lengths
