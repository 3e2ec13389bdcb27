"""Finds the node that a reference reads; lists the names that are not nodes."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from flowc.compiler.analysis.configuration import Configuration, Slot
from flowc.compiler.diagnostics import Pointer, Problem, Replacement
from flowc.compiler.expressions import Reference
from flowc.compiler.expressions.occurrences import NamePlace

NAMES = frozenset({"input", "variables", "secrets", "run", "nodes", "env"})
INNER_NAMES = frozenset({"item", "index", "loop", "error", "arguments"})
# A node may have one of these names as its id, too.
_SHARED = frozenset({"input", "env"})
RESERVED = (
    NAMES | INNER_NAMES | {"true", "false", "none", "and", "or", "not", "in", "is"}
) - _SHARED
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
# Words of expressions that cannot be names.
_WORDS = RESERVED - NAMES - INNER_NAMES | {"if", "else", "True", "False", "None"}


@dataclass(frozen=True, slots=True)
class Use:
    """One reference, and the slot of the configuration that contains it."""

    reference: Reference
    slot: Slot

    @property
    def text(self) -> str:
        """The reference in the author's notation, such as `a.output.items[0]`."""
        root, *rest = self.reference.path
        steps = (f".{s}" if isinstance(s, str) else f"[{s}]" for s in rest)
        return f"{root}{''.join(steps)}"

    def places(self, step: int) -> tuple[NamePlace, ...]:
        """Return where in its text the reference has a name of its path; none if one is unknown."""
        found = [
            each.places[step]
            for each in self.slot.expression.occurrences()
            if each.path == self.reference.path
        ]
        known = tuple(place for place in found if place is not None)
        return known if len(known) == len(found) else ()

    def about(self, problem: Problem, step: int, new: str | None = None) -> Problem:
        """Return a problem of this reference, at a name of its path that is mended by another."""
        places = self.places(step)
        if not places:
            return problem
        at, length = places[0]
        fix = tuple(
            Replacement(problem.at, new, offset=offset, length=size)
            for offset, size in places
            if new is not None
        )
        return replace(problem, offset=at, length=length, replacements=fix)


def uses_in(configuration: Configuration) -> Iterator[Use]:
    """Yield every reference in a configuration."""
    for slot in configuration.uses():
        for reference in slot.references:
            yield Use(reference, slot)


def id_problem(id: str, at: Pointer) -> Problem | None:
    """Return why a node cannot have an id, if it cannot."""
    if not _ID.fullmatch(id):
        message = f"{id[:60]!r} is not a valid id."
        hint = "An id starts with a letter, followed by letters, digits, _ and -."
        return Problem("invalid-id", message, at, hint)
    if id in RESERVED:
        message = f"The id {id!r} already has a meaning in expressions."
        return Problem("reserved-id", message, at, f"Use another id, such as {id}_node.")
    return None


def name_in_path(name: str) -> str | None:
    """Return a name as it is written in a path behind a dot; None if it cannot be.

    >>> name_in_path("total"), name_in_path("in total")
    ('total', None)
    """
    is_plain = name.isascii() and name.isidentifier()
    return name if is_plain and name not in _WORDS else None


def node_path(
    path: tuple[str | int, ...], nodes: Container[str]
) -> tuple[str, tuple[str | int, ...]] | None:
    """Return the node that a path reads and the path within it; None if it reads no node.

    `nodes['my-id'].output` reads a node whose id is not a plain name. `input.output` reads a node
    called `input`, if there is one; every other path from `input` reads the run's input. `env` is
    alike.

    >>> node_path(("classify", "output", "category"), {"classify"})
    ('classify', ('output', 'category'))
    >>> node_path(("nodes", "my-id", "output"), {"my-id"})
    ('my-id', ('output',))
    >>> node_path(("input", "message"), {"classify"}) is None
    True
    """
    root, *rest = path
    if root == "nodes":
        return (str(rest[0]), tuple(rest[1:])) if rest else None
    if root in _SHARED and root in nodes and rest[:1] == ["output"]:
        return str(root), tuple(rest)
    if root in NAMES or root in INNER_NAMES:
        return None
    return str(root), tuple(rest)
