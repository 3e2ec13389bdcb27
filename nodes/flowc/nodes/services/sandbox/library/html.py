"""Texts in HTML."""

import re
from typing import Any

# Filled in when the module is loaded: the characters of the names in HTML.
ENTITIES: dict[str, str] = {}


def escape(s: str, quote: bool = True) -> str:
    """Return a text with &, < and > as names, and quotes, too."""
    s = s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return s.replace('"', "&quot;").replace("'", "&#x27;") if quote else s


def unescape(s: str) -> str:
    """Return a text with characters in place of their names and numbers."""
    found, end = [], 0
    for match in re.finditer(r"&(#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);?", s):
        found.append(s[end : match.start()])
        found.append(_character(match.group(1), match.group(0)))
        end = match.end()
    return "".join(found) + s[end:]


def _character(name: str, whole: str) -> Any:
    if not name.startswith("#"):
        return ENTITIES.get(name, whole)
    number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    is_real = 0 < number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_real else "\ufffd"
