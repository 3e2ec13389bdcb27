"""Finds what to write instead of a line that is not YAML."""

import re

_BRACES = re.compile(r"(?:([\w-]+):\s*)?(\{\{.*?\}\})")
_TWO_COLONS = re.compile(r"\s*(?:-\s+)?([\w-]+):\s+(.*:\s.*)")
_BY_SENTENCE = (
    ("\\t", "Indent YAML with spaces, not tabs."),
    ("expected ',' or", "Put commas between the entries, and close every { and [."),
    ("expected ':'", "Write each key with its value: `key: value`."),
    ("unexpected end of stream", "Close the quotes: each ' or \" needs another one."),
    ("unexpected document indicator", "Close the quotes before ---."),
    ("alphabetic or numeric", "Put a text that begins with * or & into quotes."),
    ("escape character", "In \"…\", write \\\\ for a backslash, or use '…'."),
    ("expected key", "Indent the keys of an object equally, and close every quote."),
    ("'-' indicator", "Indent the items of a list equally, each with - before it."),
    ("<block end>", "Indent the keys of an object equally, and close every quote."),
    ("block sequence entries", "Begin a list on the line after its key."),
)


def yaml_hint(sentence: str, text: str, line: int) -> str | None:
    """Return a hint for what the parser reports in a line of a text, or None.

    >>> yaml_hint("mapping values are not allowed in this context", "say: Hello: you", 1)
    'Put the text into quotes: say: "Hello: you".'
    """
    lines = text.splitlines()
    source = lines[line - 1] if 0 < line <= len(lines) else ""
    if "start any token" in sentence:
        return _of_character(source)
    if "mapping values" in sentence:
        found = _TWO_COLONS.fullmatch(source)
        if found is not None:
            return f'Put the text into quotes: {found[1]}: "{found[2][:60]}".'
        return "Indent the keys of an object equally."
    return next((hint for part, hint in _BY_SENTENCE if part in sentence), None)


def quoted_braces(text: str, line: int) -> str:
    """Return the hint for `{{…}}` without quotes, which YAML reads as an object in an object."""
    lines = text.splitlines()
    found = _BRACES.search(lines[line - 1]) if 0 < line <= len(lines) else None
    if found is None:
        return "Write keys as words or in quotes."
    key = f"{found[1]}: " if found[1] else ""
    return f'Put it into quotes: {key}"{found[2][:60]}".'


def _of_character(source: str) -> str:
    if "\t" in source:
        return "Indent YAML with spaces, not tabs."
    return "Put a text that begins with @, ` or % into quotes."
