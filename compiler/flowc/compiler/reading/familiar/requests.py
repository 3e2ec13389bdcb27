"""HTTP requests as other tools describe them."""

from typing import Any

from flowc.compiler.reading.familiar.durations import duration_here
from flowc.compiler.reading.familiar.translation import Translation

_KEYS = 'Write the header: {Authorization: "Bearer {{secrets.name}}"}.'


# The types of `auth` that a node `http` knows itself.
_KINDS = frozenset({"aws", "basic", "bearer", "digest", "oauth2"})


def read_request(found: Translation) -> None:
    """Translate the method, time limit and authentication of a request."""
    method = found.written.get("method", found.config.get("method"))
    if isinstance(method, str) and method.isalpha():
        found.put("method", method.upper(), *found.moved.get(("method",), ("method",)))
        found.written.pop("method", None)
    fields = found.native.model_fields
    if found.has("follow_redirects") and "follow_redirects" not in fields:
        follows = found.take("follow_redirects")
        found.put("max_redirects", 5 if follows else 0, "follow_redirects")
    if found.has("timeout_ms") and "timeout_ms" not in fields:
        given = found.take("timeout_ms")
        found.put("timeout", duration_here(given, "ms"), "timeout_ms")
    for key in ("auth", "authentication", "bearer_token", "token", "authorization"):
        if found.has(key):
            _authorize(found, key, found.take(key))


def _authorize(found: Translation, key: str, given: Any) -> None:
    """Send a bearer token or a key as the header that it stands for."""
    kind = str(given.get("type", "")).lower() if isinstance(given, dict) else "bearer"
    token = given.get("token", given.get("value")) if isinstance(given, dict) else given
    if kind == "none" or given in (None, "none"):
        return
    if isinstance(given, dict) and kind in _KINDS:
        found.put("auth", given, key)
        return
    if kind in {"bearer", "token", "bearer_token"} and isinstance(token, str):
        header: tuple[str, Any] = "Authorization", f"Bearer {token.removeprefix('Bearer ')}"
    elif kind in {"api_key", "apikey", "header"} and isinstance(given, dict):
        name = given.get("header") or given.get("name") or given.get("key_name") or "X-API-Key"
        header = str(name), given.get("key") or token or given.get("api_key")
    else:
        found.misfit(f"The authentication {kind[:40]!r} is not known here.", _KEYS, key)
        return
    headers = found.written.pop("headers", {})
    if isinstance(headers, dict):
        found.config["headers"] = {**headers, header[0]: header[1]}
        found.moved["headers", header[0]] = (key,)
    else:
        found.written["headers"] = headers
