"""Finds what the keys of other workflow languages are called in a definition here."""

from collections.abc import Collection, Mapping
from typing import Any

# The keys that are meant by keys of other languages; the first that the part has is meant.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "from": ("source",),
    "to": ("target",),
    "src": ("source",),
    "dest": ("target",),
    "destination": ("target",),
    "sourceHandle": ("branch",),
    "when": ("branch",),
    "condition": ("branch",),
    "label": ("branch", "name"),
    "title": ("name",),
    "desc": ("description",),
    "kind": ("type",),
    "uses": ("type",),
    "needs": ("depends_on",),
    "after": ("depends_on",),
    "requires": ("depends_on",),
    "dependsOn": ("depends_on",),
    "dependencies": ("depends_on",),
    "parameters": ("config",),
    "params": ("config",),
    "inputs": ("input", "config"),
    "with": ("config",),
    "args": ("config",),
    "data": ("config",),
    "settings": ("config",),
    "options": ("config",),
    "retries": ("max_retries",),
    "maxRetries": ("max_retries",),
    "maxTries": ("max_retries",),
    "max_tries": ("max_retries",),
    "retry_count": ("max_retries",),
    "retryOnFail": ("max_retries",),
    "retryDelay": ("retry_delay",),
    "waitBetweenTries": ("retry_delay",),
    "timeoutSeconds": ("timeout_seconds",),
    "outputs": ("output",),
    "vars": ("variables",),
    "environment": ("env",),
    "environment_variables": ("env",),
    "state": ("variables",),
    "connections": ("edges",),
    "links": ("edges",),
    "tasks": ("nodes", "steps"),
    "jobs": ("nodes", "steps"),
    "features": ("chat",),
    "opening_statement": ("chat",),
    "suggested_questions": ("chat",),
    "conversation_starters": ("chat",),
    "continueOnFail": ("on_error",),
    "onError": ("on_error",),
    "key": ("id",),
}


def meant_key(key: str, known: Collection[str]) -> str | None:
    """Return the key of a part that a key of another language means.

    >>> meant_key("from", {"source", "target"}), meant_key("inputs", {"id", "type", "config"})
    ('source', 'config')
    """
    return next((word for word in _MEANT.get(key, ()) if word in known), None)


def is_meant(missing: str, data: Any, known: Collection[str]) -> bool:
    """Return whether a part has another language's key in place of this missing one."""
    return isinstance(data, dict) and any(
        key not in known and meant_key(str(key), known) == missing for key in data
    )


def key_hint(key: str, value: Any, known: Collection[str]) -> str | None:
    """Return what to write instead of a key that a part does not have, if it is recognised.

    A key beside `config` that is like no option of nodes belongs into the configuration.

    >>> key_hint("prompt", "Hi", {"id", "type", "config"})
    'Move it into `config`: {prompt: Hi}.'
    """
    meant = meant_key(key, known)
    if meant is not None:
        return f"Write `{meant}`."
    if "config" not in known or "type" not in known:
        return None
    place = "config" if "id" in known else "input"
    shown = f"{value}" if isinstance(value, (str, int, float)) else "…"
    shown = shown if len(shown) < 40 and ":" not in shown and "{" not in shown else "…"
    return f"Move it into `{place}`: {{{key[:60]}: {shown}}}."
