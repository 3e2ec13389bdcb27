"""How are values and sentences written in Python?"""

from typing import Any

WIDTH = 72


def literal(value: Any) -> str:
    """Return a JSON value as Python; what is long has a line for each item."""
    short = repr(value)
    if len(short) <= WIDTH or not isinstance(value, (dict, list, tuple)):
        return short
    if isinstance(value, dict):
        return bracketed("{", [f"{key!r}: {literal(item)}" for key, item in value.items()], "}")
    return bracketed("[", [literal(item) for item in value], "]")


def bracketed(opening: str, items: list[str], closing: str) -> str:
    """Return items in brackets, each on lines of its own."""
    return f"{opening}\n" + "".join(f"    {indented(item, 4)},\n" for item in items) + closing


def indented(text: str, by: int) -> str:
    """Return a text with its further lines indented."""
    return text.replace("\n", "\n" + " " * by)


def sentence(text: str) -> str:
    """Return a text as one line that can stand between triple quotes."""
    plain = " ".join(text.replace("\\", "").replace('"""', "").split()).rstrip('"')
    return plain if plain.endswith((".", "?", "!")) else f"{plain}."
