"""Finds the node that a reference reads; lists the names that are not nodes."""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from flowc.compiler.analysis.configuration import Configuration, Slot
from flowc.compiler.expressions import Reference

NAMES = frozenset({"input", "variables", "secrets", "run", "nodes"})
INNER_NAMES = frozenset({"item", "index", "loop", "error", "arguments"})
RESERVED = (NAMES | INNER_NAMES | {"true", "false", "none", "and", "or", "not", "in", "is"}) - {
    "input"
}


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


def uses_in(configuration: Configuration) -> Iterator[Use]:
    """Yield every reference in a configuration."""
    for slot in configuration.uses():
        for reference in slot.references:
            yield Use(reference, slot)


def node_path(
    path: tuple[str | int, ...], nodes: Container[str]
) -> tuple[str, tuple[str | int, ...]] | None:
    """Return the node that a path reads and the path within it; None if it reads no node.

    `nodes['my-id'].output` reads a node whose id is not a plain name. `input.output` reads a node
    called `input`, if there is one; every other path from `input` reads the run's input.

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
    if root == "input" and "input" in nodes and rest[:1] == ["output"]:
        return "input", tuple(rest)
    if root in NAMES or root in INNER_NAMES:
        return None
    return str(root), tuple(rest)
