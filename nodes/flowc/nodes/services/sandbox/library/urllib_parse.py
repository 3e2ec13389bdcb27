"""Parts of addresses, and texts within them."""

import binascii
from typing import Any

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_HEX = "0123456789abcdefABCDEF"


def quote(string: Any, safe: str = "/") -> str:
    """Return a text with all but letters, digits and `safe` signs as %XX."""
    raw = string.encode("utf-8") if isinstance(string, str) else bytes(string)
    kept = _PLAIN + safe
    return "".join([chr(c) if c < 128 and chr(c) in kept else f"%{c:02X}" for c in raw])


def quote_plus(string: Any, safe: str = "") -> str:
    """Return a text for a form: blanks become +."""
    return quote(string, safe + " ").replace(" ", "+")


def unquote(string: str, encoding: str = "utf-8", errors: str = "replace") -> str:
    """Return a text with its %XX replaced."""
    pieces = string.split("%")
    found, raw = [pieces[0]], []
    for piece in pieces[1:]:
        if len(piece) >= 2 and piece[0] in _HEX and piece[1] in _HEX:
            raw.append(piece[:2])
            rest = piece[2:]
        else:
            rest = "%" + piece
        if rest:
            found.append(_decoded(raw, encoding, errors) + rest)
            raw = []
    return "".join(found) + _decoded(raw, encoding, errors)


def _decoded(digits: list[str], encoding: str, errors: str) -> str:
    return binascii.unhexlify("".join(digits)).decode(encoding, errors)


def unquote_plus(string: str, encoding: str = "utf-8", errors: str = "replace") -> str:
    """Return a text of a form."""
    return unquote(string.replace("+", " "), encoding, errors)


def urlencode(query: Any, doseq: bool = False, safe: str = "", quote_via: Any = quote_plus) -> str:
    """Return names and values as a query."""
    pairs = list(query.items()) if isinstance(query, dict) else list(query)
    found = []
    for name, value in pairs:
        values = value if doseq and isinstance(value, (list, tuple)) else [value]
        for each in values:
            text = each if isinstance(each, (str, bytes)) else str(each)
            key = name if isinstance(name, (str, bytes)) else str(name)
            found.append(quote_via(key, safe) + "=" + quote_via(text, safe))
    return "&".join(found)


def parse_qsl(qs: str, keep_blank_values: bool = False, separator: str = "&") -> list[Any]:
    """Return the names and values of a query, in order."""
    found = []
    for pair in qs.split(separator):
        name, sign, value = pair.partition("=")
        if pair and (value or keep_blank_values) and (sign or keep_blank_values):
            found.append((unquote_plus(name), unquote_plus(value)))
    return found


def parse_qs(qs: str, keep_blank_values: bool = False, separator: str = "&") -> dict[str, Any]:
    """Return the values of each name in a query."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(qs, keep_blank_values, separator):
        found.setdefault(name, []).append(value)
    return found


class SplitResult:
    """The parts of an address, by name or by number."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.scheme, self.netloc, self.path = parts[0], parts[1], parts[2]
        self.query, self.fragment = parts[-2], parts[-1]
        if len(parts) == 6:
            self.params = parts[3]
        user, sign, place = parts[1].rpartition("@")
        name, _, password = user.partition(":")
        self.username = name if sign else None
        self.password = password if ":" in user else None
        host, port = place, ""
        if place.startswith("["):
            host, _, port = place[1:].partition("]")
            port = port.lstrip(":")
        elif ":" in place:
            host, _, port = place.partition(":")
        self.hostname = host.lower() or None
        self.port = int(port) if port else None

    def geturl(self) -> str:
        """Return the address."""
        return urlunparse(self.parts) if len(self.parts) == 6 else urlunsplit(self.parts)

    def __iter__(self) -> Any:
        return iter(self.parts)

    def __getitem__(self, index: Any) -> Any:
        return self.parts[index]

    def __eq__(self, other: Any) -> bool:
        return list(self) == list(other)


def _split(url: str, scheme: str) -> list[str]:
    url = url.strip().replace("\n", "").replace("\r", "").replace("\t", "")
    before, sign, after = url.partition(":")
    letters = before.replace("+", "").replace("-", "").replace(".", "")
    if sign and before[:1].isalpha() and before.isascii() and letters.isalnum():
        scheme, url = before.lower(), after
    url, _, fragment = url.partition("#")
    url, _, query = url.partition("?")
    netloc = ""
    if url.startswith("//"):
        netloc, sign, path = url[2:].partition("/")
        url = sign + path
    return [scheme, netloc, url, query, fragment]


def urlsplit(url: str, scheme: str = "", allow_fragments: bool = True) -> SplitResult:
    """Return the five parts of an address."""
    return SplitResult(_split(url, scheme))


def urlparse(url: str, scheme: str = "", allow_fragments: bool = True) -> SplitResult:
    """Return the six parts of an address; the last segment of its path can have parameters."""
    parts = _split(url, scheme)
    folder, sign, name = parts[2].rpartition("/")
    name, _, parameters = name.partition(";")
    return SplitResult([parts[0], parts[1], folder + sign + name, parameters, parts[3], parts[4]])


def urlunsplit(parts: Any) -> str:
    """Return the address of five parts."""
    scheme, netloc, path, query, fragment = list(parts)
    if netloc:
        path = "//" + netloc + (path if path[:1] in ("/", "") else "/" + path)
    url: str = scheme + ":" + path if scheme else path
    url = url + "?" + query if query else url
    return url + "#" + fragment if fragment else url


def urlunparse(parts: Any) -> str:
    """Return the address of six parts."""
    scheme, netloc, path, parameters, query, fragment = list(parts)
    whole = path + ";" + parameters if parameters else path
    return urlunsplit([scheme, netloc, whole, query, fragment])


def urldefrag(url: str) -> Any:
    """Return an address without its fragment, and the fragment."""
    parts = _split(url, "")
    return (urlunsplit([*parts[:4], ""]), parts[4])


def urljoin(base: str, url: str, allow_fragments: bool = True) -> str:
    """Return an address that is relative to another."""
    if not base or not url:
        return url or base
    old, new = _split(base, ""), _split(url, "")
    if new[0] and new[0] != old[0]:
        return url
    if new[1]:
        return urlunsplit([old[0], *new[1:]])
    if not new[2]:
        return urlunsplit([old[0], old[1], old[2], new[3] or old[3], new[4]])
    path = new[2]
    if not path.startswith("/"):
        path = old[2].rpartition("/")[0] + "/" + path
    return urlunsplit([old[0], old[1], _without_dots(path), new[3], new[4]])


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept) or "/"
