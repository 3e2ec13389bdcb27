"""Lists the forms in which a secret may appear in a text: as it is, encoded, or split by lines."""

import base64
import html
import json
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

# Masking shorter texts would destroy output: a secret "1" would mask every 1 in it.
MIN_LENGTH = 4
# Lines of a secret from this length are secrets themselves, as in a key in PEM form.
_MIN_LINE = 16


@lru_cache(4_096)
def forms_of(secret: str) -> frozenset[str]:
    """Return all forms of a secret that are long enough to be replaced.

    >>> {"a&b/c", "a&amp;b/c", "a%26b%2Fc", "c/b&a", "6126622f63", "YSZiL2"} < forms_of("a&b/c")
    True
    """
    found = {form for each in _parts(secret) for form in _encoded(each)}
    bare = secret.strip()
    # Common filters change it so, and some services.
    found |= {bare.lower(), bare.upper(), bare.capitalize(), bare.title()}
    return frozenset(form for form in found if len(form) >= MIN_LENGTH)


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret, without the line break at its end that files have, and its long lines."""
    yield secret
    yield secret.strip()
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _MIN_LINE)


def _encoded(secret: str) -> Iterator[str]:
    if len(secret) < MIN_LENGTH:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (secret, secret[::-1], html.escape(secret), html.escape(secret, quote=False))
    yield html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    for written in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (written, written.replace("/", "\\/"))
    yield from (_quoted(quote(secret, safe="", errors="surrogatepass")))
    yield from (_quoted(quote(secret, errors="surrogatepass")))
    yield from (_quoted(quote_plus(secret, errors="surrogatepass")))
    yield from (raw.hex(), raw.hex().upper())
    yield from _base64_forms(raw)


def _quoted(text: str) -> tuple[str, str]:
    """Return a text of a URL with its escapes as they are usual, and in small letters.

    >>> _quoted("a%2Fb")
    ('a%2Fb', 'a%2fb')
    """
    first, *others = text.split("%")
    return text, first + "".join(f"%{each[:2].lower()}{each[2:]}" for each in others)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield the part of the encoded secret that is the same wherever the secret begins.

    Base64 turns 3 bytes into 4 characters, so the characters depend on the position of the secret
    modulo 3, and those at its edges also on its neighbours; the latter are cut off.
    """
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        sure = encoded[-(-shift * 8 // 6) : len(encoded) - (1 if (shift + len(raw)) % 3 else 0)]
        yield sure
        yield sure.replace("+", "-").replace("/", "_")
