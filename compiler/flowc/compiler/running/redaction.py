"""Removes a run's secrets from everything that is stored or shown."""

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[secret]"
# Masking shorter texts would destroy output: a secret "1" would mask every 1 in it.
MIN_LENGTH = 4


class Redactor:
    """Replaces secrets in text and JSON, also in encodings in which a service may echo them.

    >>> redactor = Redactor(["sesame-42"])
    >>> redactor.text("Bearer sesame-42 is invalid")
    'Bearer [secret] is invalid'
    >>> redactor.json({"url": "https://e.com/?k=sesame-42", "hex": "sesame-42".encode().hex()})
    {'url': 'https://e.com/?k=[secret]', 'hex': '[secret]'}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for each in _changed(secret) for form in _forms(each)}
        # The longest first: a form may be part of another.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, value: str) -> str:
        """Return the text with every secret replaced."""
        for form in self._forms:
            value = value.replace(form, MASK)
        return value

    def json(self, value: Any) -> Any:
        """Return plain JSON with every secret in its texts and keys replaced."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value


def _changed(secret: str) -> set[str]:
    """Return a secret as common filters change it; a file often ends it with a line break."""
    bare = secret.strip()
    return {secret, bare, bare.lower(), bare.upper(), bare.capitalize(), bare.title()}


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
    """Return the part of the encoded secret that is the same wherever the secret begins.

    Base64 turns 3 bytes into 4 characters, so the characters depend on the position of the secret
    modulo 3, and those at its edges also on its neighbours; the latter are cut off.
    """
    forms: set[str] = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        sure = encoded[-(-shift * 8 // 6) : len(encoded) - (1 if (shift + len(raw)) % 3 else 0)]
        if len(sure) >= MIN_LENGTH:
            forms |= {sure, sure.replace("+", "-").replace("/", "_")}
    return forms
