"""How are a run's secrets kept out of whatever is stored or shown of it?"""

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[secret]"
MIN_LENGTH = 4


class Redactor:
    """Replaces secrets in text and JSON, in the forms in which a service may echo them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, value: str) -> str:
        """Return the text without any secret in it."""
        for form in self._forms:
            value = value.replace(form, MASK)
        return value

    def json(self, value: Any) -> Any:
        """Return plain JSON without any secret in its texts and keys."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value


def _forms(secret: str) -> set[str]:
    if len(secret) < MIN_LENGTH:
        return set()
    raw = secret.encode("utf-8", "surrogatepass")
    written = json.dumps(secret)[1:-1]
    return {
        secret,
        written,
        quote(secret, safe=""),
        quote_plus(secret),
        raw.hex(),
        secret[::-1],
        *_base64_forms(raw),
    }


def _base64_forms(raw: bytes) -> set[str]:
    """Return what of the secret stays the same wherever it begins in a longer encoded text."""
    forms: set[str] = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        sure = encoded[-(-shift * 8 // 6) : len(encoded) - (1 if (shift + len(raw)) % 3 else 0)]
        if len(sure) >= MIN_LENGTH:
            forms |= {sure, sure.replace("+", "-").replace("/", "_")}
    return forms
