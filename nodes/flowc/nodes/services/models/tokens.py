"""How many tokens are in a text? Counted with tiktoken, by the table that litellm brings along."""

import json
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.rag.tokens import Tokens

# What a message takes besides its content: its role, and where it begins and ends.
PER_MESSAGE = 4


def tokens_in(messages: Iterable[dict[str, Any]]) -> int:
    """Return about how many tokens messages are; providers count a little otherwise."""
    return sum(PER_MESSAGE + _tokens().count(_text(m)) for m in messages)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    calls = message.get("tool_calls")
    said = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"{said} {json.dumps(calls)}" if calls else said


@cache
def _tokens() -> "Tokens":
    from flowc.rag.tokens import Tokens  # noqa: PLC0415 - it takes a moment, and few need it

    return Tokens("cl100k_base")
