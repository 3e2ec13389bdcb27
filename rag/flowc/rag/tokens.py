"""Counts the tokens of a text and finds where each ends, with tiktoken and without a network."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EncodingName = Literal["cl100k_base", "o200k_base", "p50k_base"]
ENCODINGS: tuple[str, ...] = get_args(EncodingName)


class Tokens:
    """Counts the tokens of one encoding; words like `<|endoftext|>` count as plain text."""

    def __init__(self, encoding: str = "cl100k_base") -> None:
        self._encoding = _encoding(encoding)
        self._lengths = _lengths(encoding)

    def count(self, text: str) -> int:
        """Return the number of tokens in a text.

        >>> Tokens().count("Hello world")
        2
        """
        return len(self._encoding.encode_ordinary(text))

    def ends(self, text: str) -> "NDArray[np.int64]":
        """Return the number of characters before the end of each token.

        A character of several tokens, such as an emoji, is counted with the first of them, so that
        these tokens end at the same place.

        >>> Tokens().ends("Hello world").tolist()
        [5, 11]
        """
        import numpy as np  # noqa: PLC0415 - as tiktoken

        tokens = self._encoding.encode_to_numpy(text, disallowed_special=())
        in_bytes = np.cumsum(self._lengths[tokens])
        if text.isascii():
            return in_bytes
        raw = np.frombuffer(text.encode(), np.uint8)
        # In UTF-8, every byte that is not 10xxxxxx begins a character.
        begun: NDArray[np.int64] = np.cumsum((raw & 0xC0) != 0x80)
        ends: NDArray[np.int64] = begun[in_bytes - 1]
        return ends


@cache
def _encoding(name: str) -> Any:
    found = find_spec("litellm")
    folder = next(iter(found.submodule_search_locations or ()), "") if found is not None else ""
    # The package litellm contains these tables; without them, tiktoken would download its own.
    tables = Path(folder, "litellm_core_utils", "tokenizers")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)
    import tiktoken  # noqa: PLC0415 - it takes a moment, and few need it

    return tiktoken.get_encoding(name)


@cache
def _lengths(name: str) -> "NDArray[np.int64]":
    import numpy as np  # noqa: PLC0415 - as tiktoken

    encoding = _encoding(name)
    lengths = np.zeros(encoding.n_vocab, np.int64)
    for value in encoding.token_byte_values():
        lengths[encoding.encode_single_token(value)] = len(value)
    return lengths
