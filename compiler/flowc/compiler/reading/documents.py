"""Reads files, texts and bytes into plain data that knows the place of each value."""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flowc.compiler.diagnostics import (
    DefinitionRefused,
    Diagnostic,
    Place,
    Pointer,
    Problem,
    pointer_text,
)
from flowc.compiler.reading.large_values import has_more_values, load_json
from flowc.compiler.reading.plain_json import MAX_VALUES, NotPlain, require_plain
from flowc.compiler.reading.remedies import remedy
from flowc.compiler.reading.scalar_places import position_in_scalar
from flowc.compiler.reading.yaml_text import Position, TextProblem, YamlTree, read_yaml

MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Document:
    """Plain JSON data, with its file and text if it was read from one."""

    data: Any
    file: str | None = None
    text: str | None = None
    positions: Callable[[], YamlTree | None] = lambda: None

    def place(self, pointer: Pointer, on_key: bool = False, offset: int | None = None) -> Place:
        """Return the place of the value at a path, or of the nearest value that contains it.

        With an offset, it is the place of that character of a text, if it can be found.
        """
        tree = self.positions()
        position = tree.position(pointer, on_key) if tree else None
        if tree is not None and position is not None and offset is not None:
            value = tree.value_at(pointer)
            inside = position_in_scalar(self._lines, position, value, offset)
            position = inside or position
        line, column = position or (None, None)
        return Place(pointer_text(pointer), self.file, line, column)

    @cached_property
    def _lines(self) -> list[str]:
        return (self.text or "").split("\n")

    def place_in_text(self, pointer: Pointer, part: str | None) -> Place:
        """Return the place of a part of the text at a path; that of the whole if it is not found.

        >>> document = read_text("prompt: |\\n  Dear Ada,\\n  you owe {{input.sum}}.\\n", "a.yaml")
        >>> print(document.place_in_text(("prompt",), "input.sum"))
        a.yaml:3:13
        """
        offset = self._text_at(pointer).find(part) if part else -1
        return self.place(pointer, offset=offset if offset >= 0 else None)

    def _text_at(self, pointer: Pointer) -> str:
        found = self.data
        for part in pointer:
            try:
                found = found[part]
            except (LookupError, TypeError):
                return ""
        return found if isinstance(found, str) else ""

    def inside(self, path: Pointer) -> "Document":
        """Return the value at a path as a document of its own, with the lines of this one."""
        data = self.data
        for part in path:
            data = data[part]

        def positions() -> YamlTree | None:
            tree = self.positions()
            for part in path:
                tree = tree.children.get(part) if tree is not None else None
            return tree

        return Document(data, self.file, self.text, positions)

    def diagnostic(self, problem: Problem) -> Diagnostic:
        """Return the diagnostic of a problem in this document."""
        at = self.place(problem.at, problem.on_key, problem.offset)
        hint = remedy(problem.code, problem.hint)
        return Diagnostic(problem.code, problem.message, at, hint, problem.severity)


def read_file(path: Path) -> Document:
    """Read a definition file; raise DefinitionRefused if it is not JSON or YAML text."""
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            # To read a pipe or a device may take for ever.
            message = "The file cannot be read: it is a pipe or a device."
            raise _refused("unreadable-file", message, str(path))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise _refused(
            "unreadable-file", f"The file cannot be read: {reason}.", str(path)
        ) from None
    except ValueError:
        raise _refused("unreadable-file", "The file name is not valid.", None) from None
    return read_bytes(raw, str(path))


def read_bytes(raw: bytes, file: str | None = None) -> Document:
    """Read a definition from bytes of JSON or YAML."""
    if len(raw) > MAX_BYTES:
        message = f"A definition can have at most {MAX_BYTES:,} bytes."
        raise _refused("document-too-large", message, file)
    try:
        return read_text(raw.decode("utf-8-sig"), file)
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        message = f"The text is not UTF-8: line {line} has an invalid byte."
        raise _refused("invalid-text", message, file, (line, 1)) from None


def read_text(text: str, file: str | None = None) -> Document:
    """Read a definition from text: JSON if it is JSON, else YAML."""
    if len(text) > MAX_BYTES:
        message = f"A definition can have at most {MAX_BYTES:,} bytes."
        raise _refused("document-too-large", message, file)
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return _read_json(text, file)
        except json.JSONDecodeError as problem:
            if file is not None and file.endswith(".json"):
                message = f"This is not JSON: {problem.msg}."
                at = (problem.lineno, problem.colno)
                raise _refused("invalid-json", message, file, at) from None
    return _read_yaml(text, file)


def from_data(data: Any) -> Document:
    """Return a document of data in memory; its diagnostics have pointers, but no lines."""
    return _plain(Document(data))


def _read_yaml(text: str, file: str | None) -> Document:
    try:
        tree = read_yaml(text)
    except TextProblem as problem:
        raise _refused(problem.code, problem.message, file, problem.at, problem.hint) from None
    return _plain(Document(tree.value, file, text, lambda: tree))


def _read_json(text: str, file: str | None) -> Document:
    """Parse JSON strictly; positions are computed when the first one is needed."""
    trees: list[YamlTree | None] = []

    def positions() -> YamlTree | None:
        if not trees:
            trees.append(_tree_of_json(text))
        return trees[0]

    if has_more_values(text, MAX_VALUES):
        message = f"There are more than {MAX_VALUES:,} values."
        raise _refused("document-too-large", message, file)
    try:
        data = load_json(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise
    except TextProblem as problem:
        tree = positions()
        at = tree.duplicate if tree and tree.duplicate else None
        raise _refused(problem.code, problem.message, file, at) from None
    except RecursionError:
        raise _refused("document-too-deep", "The document is nested too deeply.", file) from None
    except ValueError:
        message = "A number in the document has too many digits."
        raise _refused("number-too-large", message, file) from None
    return _plain(Document(data, file, text, positions))


def _tree_of_json(text: str) -> YamlTree | None:
    try:
        return read_yaml(text, allow_duplicates=True)
    except TextProblem:
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        name = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise TextProblem(
            "duplicate-key", f"The key {name[:60]!r} appears twice in the same object."
        )
    return result


def _refuse_constant(name: str) -> Any:
    raise TextProblem("not-a-json-value", f"{name} is not a JSON value.")


def _plain(document: Document) -> Document:
    try:
        require_plain(document.data)
    except NotPlain as problem:
        at = document.place(problem.path)
        hint = remedy(problem.code, None)
        raise DefinitionRefused([Diagnostic(problem.code, problem.message, at, hint)]) from None
    return document


def _refused(
    code: str, message: str, file: str | None, at: Position | None = None, hint: str | None = None
) -> DefinitionRefused:
    line, column = at or (None, None)
    at_place = Place("", file, line, column)
    return DefinitionRefused([Diagnostic(code, message, at_place, remedy(code, hint))])
