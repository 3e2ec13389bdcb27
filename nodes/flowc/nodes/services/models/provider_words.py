"""What a provider says about a request that it refuses, without keys and without the prompt."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowc.nodes.services.models.key_redaction import key_redactor

_MOST_CHARACTERS = 400
# A provider repeats a key with stars in it, and other keys than the one that was sent.
_KEYS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key|AIza|Bearer)[-_ ][A-Za-z0-9_*.-]{6,}|\bAIza[\w*-]{10,}"
)
_JSON = re.compile(r"\{.*\}", re.DOTALL)
# A sentence that litellm puts after the name of the provider.
_PLAIN = re.compile(r"[A-Za-z]+Exception - ([A-Z][^{}<>\n]{10,300}?)(?: Original exception|$|\n)")
# Shorter texts of a prompt are words that a sentence may have anyway.
_LEAST_REPEATED = 20


def provider_words(problem: Exception, key: str | None, messages: Iterable[Any]) -> str:
    """Return the provider's status, code and sentence in one text; empty if it gives none."""
    error = _error_in(problem)
    sentence = error.get("message") or error.get("detail") or ""
    if not isinstance(sentence, str) or not sentence.strip():
        return ""
    names = [getattr(problem, "status_code", None), error.get("code") or error.get("type")]
    codes = [str(each) for each in dict.fromkeys(names) if isinstance(each, str | int) and each]
    shown = _without_prompt(_safe(" ".join(sentence.split()), key), messages)
    cut = f"{shown[:_MOST_CHARACTERS]}…" if len(shown) > _MOST_CHARACTERS else shown
    shown_codes = ", ".join(_safe(each, key)[:60] for each in codes)
    return f" ({shown_codes}): {cut}" if codes else f": {cut}"


def _error_in(problem: Exception) -> Mapping[str, Any]:
    """Return the error that an answer has as JSON; litellm keeps it as an object or in its text."""
    body, text = getattr(problem, "body", None), str(problem)[:20_000]
    found = body if isinstance(body, dict) else _json_in(text)
    inner = found.get("error", found)
    if isinstance(inner, str):
        return {"message": inner}
    if isinstance(inner, dict) and inner:
        return inner
    plain = _PLAIN.search(text)
    return {"message": plain.group(1)} if plain is not None else {}


def _json_in(text: str) -> Mapping[str, Any]:
    found = _JSON.search(text)
    try:
        value = json.loads(found.group()) if found is not None else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _safe(text: str, key: str | None) -> str:
    redacted = key_redactor(key).text(text) if key is not None else text
    return _KEYS.sub("[secret]", redacted)


def _without_prompt(sentence: str, messages: Iterable[Any]) -> str:
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        text = " ".join(content.split()) if isinstance(content, str) else ""
        if len(text) >= _LEAST_REPEATED:
            sentence = sentence.replace(text, "[prompt]")
    return sentence
