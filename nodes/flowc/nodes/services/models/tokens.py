"""Counts the tokens of messages, with tiktoken and the table in litellm's package."""

import json
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.rag.tokens import Tokens

# Tokens of a message in addition to its content: its role, its beginning and its end.
PER_MESSAGE = 4


def tokens_in(messages: Iterable[dict[str, Any]]) -> int:
    """Return about how many tokens the messages have; providers count slightly differently."""
    return sum(PER_MESSAGE + _tokens().count(_text(m)) for m in messages)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    calls = message.get("tool_calls")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return f"{text} {json.dumps(calls)}" if calls else text


@cache
def _tokens() -> "Tokens":
    from flowc.rag.tokens import Tokens  # noqa: PLC0415 - slow, and rarely needed

    return Tokens("cl100k_base")
