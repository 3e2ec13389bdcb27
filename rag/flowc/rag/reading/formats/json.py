"""Turns a JSON document into text."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import ParsingOptions, text

RECORDS = 200


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section]:
    """Yield the entries of a list, or a section for each field of an object."""
    value = value_of(text.whole(file), "The JSON")
    if isinstance(value, list):
        yield from records(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield Section(as_lines({name: inner}) + "\n", headings=(str(name),))
    else:
        yield Section(as_lines(value) + "\n")


def records(values: Iterable[Any]) -> Iterator[Section]:
    """Yield sections of 200 values each, an empty line after each value."""
    lines: list[str] = []
    for value in values:
        lines.append(as_lines(value) + "\n\n")
        if len(lines) >= RECORDS:
            yield Section("".join(lines))
            lines = []
    if lines:
        yield Section("".join(lines))


def as_lines(value: Any, path: str = "") -> str:
    """Return a JSON value as lines of `path: value`.

    >>> print(as_lines({"title": "Trip", "stops": ["Oslo", "Bergen"], "by": [{"train": 7}]}))
    title: Trip
    stops: Oslo, Bergen
    by.train: 7
    """
    if isinstance(value, dict):
        return "\n".join(
            as_lines(inner, f"{path}.{name}" if path else str(name))
            for name, inner in value.items()
        )
    if isinstance(value, list):
        if not any(isinstance(inner, dict | list) for inner in value):
            return _line(path, ", ".join(_scalar(inner) for inner in value))
        return "\n".join(as_lines(inner, path) for inner in value)
    return _line(path, _scalar(value))


def value_of(raw: str, what: str) -> Any:
    """Return parsed JSON; raise DocumentRefused, with `what` was parsed in the message."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise DocumentRefused("broken-document", f"{what} is nested too deeply.") from None
    except ValueError as problem:
        raise DocumentRefused("broken-document", f"{what} is not valid JSON: {problem}") from None


def _line(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
