"""How many tokens are in a text? Counted with tiktoken, by the table that litellm brings along."""

import json
import os
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any

# What a message takes besides its content: its role, and where it begins and ends.
PER_MESSAGE = 4


def tokens_in(messages: Iterable[dict[str, Any]]) -> int:
    """Return about how many tokens messages are; providers count a little otherwise."""
    return sum(PER_MESSAGE + len(_encoding().encode_ordinary(_text(m))) for m in messages)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    calls = message.get("tool_calls")
    said = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"{said} {json.dumps(calls)}" if calls else said


@cache
def _encoding() -> Any:
    found = find_spec("litellm")
    folder = next(iter(found.submodule_search_locations or ()), "") if found is not None else ""
    # Without it, tiktoken would fetch its tables from the network.
    os.environ["TIKTOKEN_CACHE_DIR"] = os.path.join(folder, "litellm_core_utils", "tokenizers")
    import tiktoken  # noqa: PLC0415 - it takes a moment, and few workflows need it

    return tiktoken.get_encoding("cl100k_base")
