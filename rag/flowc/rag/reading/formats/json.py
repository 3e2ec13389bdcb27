"""What do JSON documents, and files with one on each line, say?"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import text

MAX_LINE = 16 << 20
RECORDS = 200


def read(file: BinaryIO) -> Iterator[Section]:
    """Give each entry of a list, or each value at the top, as lines of `path: value`."""
    value = _value(text.whole(file), "The JSON")
    if isinstance(value, list):
        yield from _records(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield Section(_told({name: inner}) + "\n", headings=(str(name),))
    else:
        yield Section(_told(value) + "\n")


def read_lines(file: BinaryIO) -> Iterator[Section]:
    """Give each line's value."""
    yield from _records(_lines(file))


def _lines(file: BinaryIO) -> Iterator[Any]:
    rest, number = "", 0
    for piece in text.decoded(file):
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            number += 1
            if line.strip():
                yield _value(line, f"Line {number}")
        if len(rest) > MAX_LINE:
            raise DocumentRefused("document-too-large", f"Line {number + 1} has no end.")
    if rest.strip():
        yield _value(rest, f"Line {number + 1}")


def _records(values: Any) -> Iterator[Section]:
    told: list[str] = []
    for value in values:
        told.append(_told(value) + "\n\n")
        if len(told) >= RECORDS:
            yield Section("".join(told))
            told = []
    if told:
        yield Section("".join(told))


def _told(value: Any, path: str = "") -> str:
    if isinstance(value, dict):
        return "\n".join(_told(inner, f"{path}.{name}" if path else str(name))
                         for name, inner in value.items())  # fmt: skip
    if isinstance(value, list):
        if not any(isinstance(inner, dict | list) for inner in value):
            return _line(path, ", ".join(_scalar(inner) for inner in value))
        return "\n".join(_told(inner, path) for inner in value)
    return _line(path, _scalar(value))


def _line(path: str, said: str) -> str:
    return f"{path}: {said}" if path else said


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(raw: str, what: str) -> Any:
    try:
        return json.loads(raw)
    except RecursionError:
        raise DocumentRefused("broken-document", f"{what} is nested too deep.") from None
    except ValueError as problem:
        raise DocumentRefused("broken-document", f"{what} is no JSON: {problem}") from None
