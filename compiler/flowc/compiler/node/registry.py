"""Which node types are there?"""

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points

from flowc.compiler.node.node_type import Node

ENTRY_POINTS = "flowc.nodes"


class BrokenPlugin(Exception):
    """Whoever installs a package of node types that cannot be loaded meets this."""


class Registry:
    """Node types by the word that definitions use for them."""

    def __init__(self, types: Iterable[type[Node]] = ()) -> None:
        self._types: dict[str, type[Node]] = {}
        for node_type in types:
            for word in (node_type.type, *node_type.also):
                if word in self._types:
                    raise BrokenPlugin(f"Two node types are called {word!r}.")
                self._types[word] = node_type

    @classmethod
    def installed(cls) -> "Registry":
        """Return every node type that an installed package offers, ours among them."""
        types: list[type[Node]] = []
        for entry in entry_points(group=ENTRY_POINTS):
            where = f"{entry.name} ({entry.value})"
            try:
                found = entry.load().NODE_TYPES
            except Exception as problem:
                message = (
                    f"{where}: the entry point must name a module with NODE_TYPES ({problem})."
                )
                raise BrokenPlugin(message) from problem
            types.extend(_checked(found, where))
        return cls(types)

    def get(self, word: str) -> type[Node] | None:
        """Return the node type that a definition calls by this word."""
        return self._types.get(word)

    def words(self) -> list[str]:
        """Return every word a definition may use as a type."""
        return sorted(self._types)

    def __iter__(self) -> Iterator[type[Node]]:
        return iter(dict.fromkeys(self._types.values()))


def _checked(found: object, where: str) -> list[type[Node]]:
    types = list(found) if isinstance(found, (tuple, list)) else []
    for node_type in types:
        if not (isinstance(node_type, type) and issubclass(node_type, Node)):
            raise BrokenPlugin(f"{where}: {node_type!r} is not a node type.")
    if not types:
        raise BrokenPlugin(f"{where}: NODE_TYPES must be a tuple of node types.")
    return types
