"""Writes values and sentences as Python."""

from typing import Any

WIDTH = 72


def literal(value: Any) -> str:
    """Return a JSON value as Python; a long one has a line for each item."""
    short = repr(value)
    if len(short) <= WIDTH or not isinstance(value, (dict, list, tuple)):
        return short
    if isinstance(value, dict):
        return bracketed("{", [f"{key!r}: {literal(item)}" for key, item in value.items()], "}")
    return bracketed("[", [literal(item) for item in value], "]")


def bracketed(opening: str, items: list[str], closing: str) -> str:
    """Return items in brackets, each on its own line."""
    return f"{opening}\n" + "".join(f"    {indented(item, 4)},\n" for item in items) + closing


def indented(text: str, by: int) -> str:
    """Return a text with all lines but the first indented.

    >>> indented("a\\nb", 2)
    'a\\n  b'
    """
    return text.replace("\n", "\n" + " " * by)


def sentence(text: str) -> str:
    """Return a text as one line that is safe between triple quotes.

    >>> sentence("Ask a person, and\\n  wait")
    'Ask a person, and wait.'
    """
    plain = " ".join(text.replace("\\", "").replace('"""', "").split()).rstrip('"')
    return plain if plain.endswith((".", "?", "!")) else f"{plain}."
