"""Diagnostics: mistakes in a definition, their places, and how they are written for a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Pointer = tuple[str | int, ...]
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a definition; line and column count from 1, and are None without a text.

    >>> print(Place("/nodes/0", "flow.yaml", 2, 5)), print(Place("/nodes/0"))
    flow.yaml:2:5
    <definition>/nodes/0
    (None, None)
    """

    pointer: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        name = self.file or "<definition>"
        return f"{name}{self.pointer}" if self.line is None else f"{name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class TextRange:
    """A part of a text: the lines and columns of its first character and of the one behind it."""

    start: Position
    end: Position

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        ends = (("start", self.start), ("end", self.end))
        return {name: {"line": line, "column": column} for name, (line, column) in ends}


@dataclass(frozen=True, slots=True)
class TextChange:
    """Another text for a part of a text."""

    range: TextRange
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"range": self.range.as_json(), "text": self.text}


@dataclass(frozen=True, slots=True)
class Fix:
    """Changes of a text after which a diagnostic is not reported any more."""

    title: str
    changes: tuple[TextChange, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"title": self.title, "changes": [change.as_json() for change in self.changes]}


@dataclass(frozen=True, slots=True)
class Replacement:
    """What to write at a path of a definition instead of its value, or of its key.

    With an `offset`, it takes the place of `length` characters of the text there.
    """

    at: Pointer
    new: Any
    on_key: bool = False
    offset: int | None = None
    length: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake as a check reports it: its place is a path in the document, not yet a line.

    `offset` is where in the text at that path it is, and `length` how long, if that is known.
    After all `replacements`, it is mended.
    """

    code: str
    message: str
    at: Pointer
    hint: str | None = None
    severity: Severity = "error"
    on_key: bool = False
    offset: int | None = None
    length: int | None = None
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A mistake as its author reads it: a code, a sentence, a place, and sometimes a hint.

    The `range` is that of the key, value or word that it is about; each of the `fixes` mends it.
    """

    code: str
    message: str
    at: Place
    hint: str | None = None
    severity: Severity = "error"
    range: TextRange | None = None
    fixes: tuple[Fix, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.at.file,
            "line": self.at.line,
            "column": self.at.column,
            "range": self.range.as_json() if self.range is not None else None,
            "pointer": self.at.pointer,
            "hint": self.hint,
            "fixes": [fix.as_json() for fix in self.fixes],
        }


class DefinitionRefused(Exception):
    """The definition has errors; `diagnostics` lists them, and any warnings."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        first = f": {errors[0].message}" if errors else "."
        super().__init__(f"The definition has {count}{first}")


def has_errors(problems: Iterable[Problem | Diagnostic]) -> bool:
    """Return whether any of these is an error, so that the workflow cannot run."""
    return any(problem.severity == "error" for problem in problems)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint: the known word most similar to this one, or all of them if there are few.

    >>> did_you_mean("templat", ["template", "merge"])
    "Did you mean 'template'?"
    >>> did_you_mean("x", ["name", "city"])
    'Available: city, name.'
    >>> did_you_mean("x", []) is None
    True
    """
    names = sorted(known)
    near = nearest(word, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    if 0 < len(names) <= 8:
        return "Available: " + ", ".join(names) + "."
    return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar to this one, if one is similar enough.

    >>> nearest("templat", ["template", "merge"]), nearest("x", ["template"])
    ('template', None)
    """
    return next(iter(get_close_matches(word, sorted(known), n=1, cutoff=0.6)), None)


def instead(at: Pointer, new: str | None, on_key: bool = False) -> tuple[Replacement, ...]:
    """Return the replacement of a value, or of its key, by a word if there is one."""
    return (Replacement(at, new, on_key),) if new is not None else ()


def pointer_text(path: Pointer) -> str:
    """Return a path as a JSON Pointer (RFC 6901).

    >>> pointer_text(("nodes", 0, "config", "a/b"))
    '/nodes/0/config/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def render(diagnostics: Iterable[Diagnostic], text: str | None = None) -> str:
    """Return diagnostics for a person: place, sentence, the source line underlined, the hint.

    >>> at = Place("/nodes/0/type", "flow.yaml", 1, 23)
    >>> found = Diagnostic("unknown-node-type", "There is no node type 'stat'.", at)
    >>> print(render([found], "nodes: [{id: a, type: stat}]"))
    flow.yaml:1:23: error[unknown-node-type]: There is no node type 'stat'.
        1 | nodes: [{id: a, type: stat}]
                                  ^^^^
    """
    lines = text.splitlines() if text is not None else []
    return "\n".join(_render_one(diagnostic, lines) for diagnostic in diagnostics)


def excerpt(at: Place, text: str | None) -> list[str]:
    """Return the source line of a place and its underline; nothing without a text.

    >>> excerpt(Place("/a", None, 1, 4), "a: b c")
    ['    1 | a: b c', '           ^^^']
    """
    return _excerpt(at, text.splitlines() if text is not None else [])


def _render_one(diagnostic: Diagnostic, lines: list[str]) -> str:
    head = f"{diagnostic.at}: {diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    out = [head, *_excerpt(diagnostic.at, lines)]
    if diagnostic.hint:
        out.append(f"  hint: {diagnostic.hint}")
    return "\n".join(out)


def _excerpt(at: Place, lines: list[str]) -> list[str]:
    if at.line is None or at.column is None or at.line > len(lines):
        return []
    # A tab would misplace the underline; a very long line is cut to the part around the column.
    source = lines[at.line - 1].replace("\t", " ")
    start = max(0, at.column - 61)
    window = source[start : start + 100]
    length = len(_word_at(window, at.column - 1 - start))
    gutter = f"{at.line:>5} | "
    return [gutter + window, " " * (len(gutter) + at.column - 1 - start) + "^" * max(length, 1)]


def _word_at(line: str, column: int) -> str:
    rest = line[column:]
    if rest[:1] in {"'", '"'}:
        end = rest.find(rest[0], 1)
        return rest[: end + 1] if end > 0 else rest
    for index, char in enumerate(rest):
        if char in ",:}]#" and not rest.startswith("{{"):
            return rest[:index].rstrip()
    return rest.rstrip()
