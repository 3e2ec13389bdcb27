"""Finds where in its source an expression reads each path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from flowc.compiler.expressions.compilation import Compilation
from flowc.compiler.expressions.errors import ExpressionError
from flowc.compiler.expressions.frame import Evaluate
from flowc.compiler.expressions.references import ReferencePath
from flowc.compiler.expressions.trees import METHODS

# Where a name in the source begins, and its length.
NamePlace = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where an expression reads a path, with those of its names as far as known.

    A local variable that holds the beginning of the path is in the place of its names.
    """

    path: ReferencePath
    places: tuple[NamePlace | None, ...]


@lru_cache(64)
def occurrences_in(
    compile: Callable[[str, Compilation], Evaluate], source: str
) -> tuple[Occurrence, ...]:
    """Return all places where a source reads something from outside, in the order of reading."""
    found = _Recording(METHODS, source=source)
    try:
        compile(source, found)
    except ExpressionError:
        return ()
    return tuple(dict.fromkeys(found.occurrences))


@dataclass
class _Recording(Compilation):
    """A compilation that also notes where each path is."""

    source: str = ""
    occurrences: list[Occurrence] = field(default_factory=list)

    def _path(self, node: Any, used_as: str | None, literals: Sequence[Any]) -> Evaluate:
        path = self.path_read_by(node)
        if path is not None:
            steps = _places(node, self.source)
            is_local = len(path) > len(steps) or _root(node) in self.locals
            known = steps[1:] if is_local else steps
            unknown = (None,) * (len(path) - len(known))
            self.occurrences.append(Occurrence(path, (*unknown, *known)))
        return super()._path(node, used_as, literals)


def _root(node: Any) -> str | None:
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        node = node.node
    return node.name if isinstance(node, nodes.Name) else None


def _places(node: Any, source: str) -> tuple[NamePlace | None, ...]:
    """Return where each name and key of a path is in the source."""
    found: list[NamePlace | None] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        found.append(
            _of_field(node, source) if isinstance(node, nodes.Getattr) else _of_key(node, source)
        )
        node = node.node
    if isinstance(node, nodes.Name):
        found.append(_found(source, node.lineno, node.name))
    return tuple(reversed(found))


def _of_field(node: nodes.Getattr, source: str) -> NamePlace | None:
    # Jinja2 knows where the dot is.
    if node.lineno is None or source[node.lineno : node.lineno + 1] != ".":
        return None
    rest = source[node.lineno + 1 :]
    return _found(source, node.lineno + 1 + len(rest) - len(rest.lstrip()), node.attr)


def _of_key(node: nodes.Getitem, source: str) -> NamePlace | None:
    value = node.arg.value if isinstance(node.arg, nodes.Const) else None
    if isinstance(value, int):
        return _found(source, node.arg.lineno, str(value))
    at = node.arg.lineno
    is_quoted = at is not None and source[at : at + 1] in {"'", '"'}
    return _found(source, at + 1, value) if is_quoted and isinstance(value, str) else None


def _found(source: str, at: int | None, name: str) -> NamePlace | None:
    """Return the place of a name, if it is where it is expected."""
    is_there = at is not None and at >= 0 and source.startswith(name, at)
    return (at, len(name)) if at is not None and is_there else None
