"""Reads files, texts and bytes into plain data that knows the place of each value."""

import json
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from flowc.compiler.diagnostics import (
    DefinitionRefused,
    Diagnostic,
    Fix,
    Place,
    Pointer,
    Position,
    Problem,
    Replacement,
    TextChange,
    TextRange,
    pointer_text,
)
from flowc.compiler.reading.large_values import has_more_values, load_json
from flowc.compiler.reading.plain_json import MAX_VALUES, NotPlain, require_plain
from flowc.compiler.reading.remedies import remedy
from flowc.compiler.reading.replaced_texts import part_written_like, written_like
from flowc.compiler.reading.scalar_places import places_in_scalar
from flowc.compiler.reading.text_places import DocumentLines, word_length
from flowc.compiler.reading.yaml_text import KeyPlace, TextProblem, YamlTree, read_yaml

MAX_BYTES = 4_000_000
_HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Document:
    """Plain JSON data, with its file and text if it was read from one."""

    data: Any
    file: str | None = None
    text: str | None = None
    positions: Callable[[], YamlTree | None] = lambda: None
    is_json: bool = False

    def place(self, pointer: Pointer, on_key: bool = False, offset: int | None = None) -> Place:
        """Return the place of the value at a path, or of the nearest value that contains it.

        With an offset, it is the place of that character of a text, if it can be found.
        """
        spot = self._spot(pointer)
        if spot is None:
            return Place(pointer_text(pointer), self.file)
        at = spot.key[0] if on_key and spot.is_exact and spot.key is not None else spot.tree.start
        if offset is not None:
            inside = self._offset_at(pointer, spot, offset)
            at = inside if inside is not None else at
        line, column = self._lines.position(at)
        return Place(pointer_text(pointer), self.file, line, column)

    def range_of(self, problem: Problem) -> TextRange | None:
        """Return the range that a problem is about; None without a text.

        An object or a list is marked by its key, or else by its first line.
        """
        spot = self._spot(problem.at)
        if spot is None:
            return None
        if problem.on_key and spot.is_exact and spot.key is not None:
            return self._lines.range(*spot.key)
        if problem.offset is not None:
            value = self._text_at(problem.at)
            length = problem.length or word_length(value, problem.offset)
            part = self._part(problem.at, spot, problem.offset, length)
            if part is not None:
                return self._lines.range(*part)
        return self._marked(spot)

    def extent(self, pointer: Pointer, with_key: bool = False) -> TextRange | None:
        """Return the range of all of a value, if it is there; with its key if it is to have it."""
        spot = self._spot(pointer)
        if spot is None or not spot.is_exact:
            return None
        start = spot.key[0] if with_key and spot.key is not None else spot.tree.start
        return self._lines.range(start, max(start, spot.tree.end))

    def change(self, replacement: Replacement) -> TextChange | None:
        """Return the change of the text that is a replacement; None if its place is not known."""
        spot = self._spot(replacement.at)
        if spot is None or not spot.is_exact or self.text is None:
            return None
        start, end = spot.tree.start, spot.tree.end
        if replacement.on_key:
            if spot.key is None:
                return None
            start, end = spot.key
        raw = self.text[start:end]
        if replacement.offset is None:
            new: str | None = written_like(raw, replacement.new, self.is_json)
            if not raw:
                # A value that is not written at all would be directly behind the colon.
                new = f" {new}"
        else:
            part = self._part(replacement.at, spot, replacement.offset, replacement.length)
            if part is None:
                return None
            start, end = part
            new = part_written_like(raw, replacement.new)
        return TextChange(self._lines.range(start, end), new) if new is not None else None

    def changes(self, replacements: Sequence[Replacement]) -> tuple[TextChange, ...] | None:
        """Return the changes of several replacements, each place once; None if one is not known."""
        found = {replacement: self.change(replacement) for replacement in replacements}
        known = [change for change in found.values() if change is not None]
        return tuple(dict.fromkeys(known)) if len(known) == len(found) else None

    @cached_property
    def _lines(self) -> DocumentLines:
        return DocumentLines(self.text or "")

    def place_in_text(self, pointer: Pointer, part: str | None) -> Place:
        """Return the place of a part of the text at a path; that of the whole if it is not found.

        >>> document = read_text("prompt: |\\n  Dear Ada,\\n  you owe {{input.sum}}.\\n", "a.yaml")
        >>> print(document.place_in_text(("prompt",), "input.sum"))
        a.yaml:3:13
        """
        offset = self._text_at(pointer).find(part) if part else -1
        return self.place(pointer, offset=offset if offset >= 0 else None)

    def _spot(self, pointer: Pointer) -> "_Spot | None":
        """Return where the value at a path is, or the nearest value that contains it."""
        tree, key = self.positions(), None
        if tree is None:
            return None
        for part in pointer:
            child = tree.children.get(part)
            if child is None:
                return _Spot(tree, key, is_exact=False)
            key = tree.keys.get(str(part)) if isinstance(tree.value, dict) else None
            tree = child
        return _Spot(tree, key, is_exact=True)

    def _marked(self, spot: "_Spot") -> TextRange:
        tree = spot.tree
        is_scalar = tree.end > tree.start and not isinstance(tree.value, (dict, list))
        if is_scalar:
            return self._lines.range(tree.start, tree.end)
        if spot.key is not None:
            return self._lines.range(*spot.key)
        return self._lines.range(tree.start, min(tree.end, self._lines.line_end(tree.start)))

    def _part(
        self, pointer: Pointer, spot: "_Spot", offset: int, length: int
    ) -> tuple[int, int] | None:
        """Return where a part of the text at a path begins and ends."""
        start = self._offset_at(pointer, spot, offset)
        end = self._offset_at(pointer, spot, offset + length)
        return (start, end) if start is not None and end is not None else None

    def _offset_at(self, pointer: Pointer, spot: "_Spot", offset: int) -> int | None:
        if not spot.is_exact or self.text is None:
            return None
        if pointer not in self._known:
            # Several problems of one text come one after the other.
            raw, value = self.text[spot.tree.start : spot.tree.end], self._text_at(pointer)
            self._known.clear()
            self._known[pointer] = places_in_scalar(raw, value)
        places = self._known[pointer]
        found = places[offset] if 0 <= offset < len(places) else None
        return spot.tree.start + found if found is not None else None

    @cached_property
    def _known(self) -> dict[Pointer, list[int | None]]:
        return {}

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

        return Document(data, self.file, self.text, positions, self.is_json)

    def diagnostic(self, problem: Problem) -> Diagnostic:
        """Return the diagnostic of a problem in this document."""
        at = self.place(problem.at, problem.on_key, problem.offset)
        hint = remedy(problem.code, problem.hint)
        return Diagnostic(
            problem.code,
            problem.message,
            at,
            hint,
            problem.severity,
            self.range_of(problem),
            self._fixes(problem),
        )

    def _fixes(self, problem: Problem) -> tuple[Fix, ...]:
        changes = self.changes(problem.replacements)
        if not changes:
            return ()
        return (Fix(f"Change to {changes[0].text.strip()}", changes),)


class _Spot(NamedTuple):
    """A value of a text with the place of its key; it contains what was looked for if not exact."""

    tree: YamlTree
    key: KeyPlace | None
    is_exact: bool


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


def read_text(text: str, file: str | None = None, format: str | None = None) -> Document:
    """Read a definition from text: JSON if it is JSON, else YAML; a `format` of `json` is strict.

    Without a format, the name of the file decides whether it is.
    """
    is_json = format == "json" or (format is None and str(file).endswith(".json"))
    if len(text) > MAX_BYTES:
        message = f"A definition can have at most {MAX_BYTES:,} bytes."
        raise _refused("document-too-large", message, file)
    if format == "json" or text.lstrip()[:1] in {"{", "["}:
        try:
            return _read_json(text, file)
        except json.JSONDecodeError as problem:
            if is_json:
                raise _not_json(problem, text, file) from None
    return _read_yaml(text, file)


def _not_json(problem: json.JSONDecodeError, text: str, file: str | None) -> DefinitionRefused:
    message, at = f"This is not JSON: {problem.msg}.", (problem.lineno, problem.colno)
    return _refused("invalid-json", message, file, at, text=text)


def changed_text(text: str, changes: Iterable[TextChange]) -> str:
    """Return a text after changes of parts that do not overlap.

    >>> change = TextChange(TextRange((1, 4), (1, 5)), "c")
    >>> changed_text("a: b", [change])
    'a: c'
    """
    lines, pieces, done = DocumentLines(text), list[str](), 0
    for change in sorted(changes, key=lambda each: each.range.start):
        pieces += text[done : lines.offset(change.range.start)], change.text
        done = lines.offset(change.range.end)
    return "".join([*pieces, text[done:]])


def from_data(data: Any) -> Document:
    """Return a document of data in memory; its diagnostics have pointers, but no lines."""
    return _plain(Document(data))


def _read_yaml(text: str, file: str | None) -> Document:
    try:
        tree = read_yaml(text)
    except TextProblem as problem:
        found = problem
        raise _refused(found.code, found.message, file, found.at, found.hint, text) from None
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
        again = tree.duplicate if tree is not None else None
        at = DocumentLines(text).position(again) if again is not None else None
        raise _refused(problem.code, problem.message, file, at, text=text) from None
    except RecursionError:
        raise _refused("document-too-deep", "The document is nested too deeply.", file) from None
    except ValueError:
        message = "A number in the document has too many digits."
        raise _refused("number-too-large", message, file) from None
    return _plain(Document(data, file, text, positions, is_json=True))


def _tree_of_json(text: str) -> YamlTree | None:
    try:
        # YAML has no halves of characters; other characters stand for both here.
        return read_yaml(_HALVES.sub(r"\\ufffd\\ufffd", text), allow_duplicates=True)
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
        found = Problem(problem.code, problem.message, problem.path)
        raise DefinitionRefused([document.diagnostic(found)]) from None
    return document


def _refused(
    code: str,
    message: str,
    file: str | None,
    at: Position | None = None,
    hint: str | None = None,
    text: str | None = None,
) -> DefinitionRefused:
    """Return what refuses a text; its range is the word at a place in it, or all of the line."""
    line, column = at or (None, None)
    place = Place("", file, line, column)
    range = DocumentLines(text).word_at(at) if text is not None and at is not None else None
    return DefinitionRefused([Diagnostic(code, message, place, remedy(code, hint), range=range)])
