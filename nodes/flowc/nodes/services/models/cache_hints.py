"""Hints where providers should cache a prompt."""

from typing import Any

# Providers that accept hints where to cache a prompt. Of the others, some cache without hints, and
# some refuse unknown fields.
TAKE_CACHE_HINTS = frozenset({"anthropic", "bedrock", "openrouter"})


def with_known_hints(messages: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return messages without hints where to cache, if the provider does not know them."""
    if model.partition("/")[0] in TAKE_CACHE_HINTS:
        return messages
    return [
        {**message, "content": [_without_hint(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _without_hint(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "cache_control"}
