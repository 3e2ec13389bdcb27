"""The registry of node types, and the entry points that packages offer them through."""

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points

from flowc.compiler.node.adapted import is_step_class, node_type_of
from flowc.compiler.node.node_type import Node

ENTRY_POINTS = "flowc.nodes"


class BrokenPlugin(Exception):
    """An installed package offers node types that cannot be loaded; fix or uninstall it."""


class Registry:
    """Node types by the words that definitions use for them.

    A class with `execute` and `get_schema` is taken as what `node_type_of` makes of it.
    """

    def __init__(self, types: Iterable[type] = ()) -> None:
        self._types: dict[str, type[Node]] = {}
        # Those of parts are found by their word, but not listed: no author writes them.
        self._parts: dict[str, type[Node]] = {}
        for given in types:
            node_type = _as_node_type(given, given.__name__)
            for word in (node_type.type, *node_type.also):
                if word in self._types:
                    raise BrokenPlugin(f"Two node types are called {word!r}.")
                self._types[word] = node_type
            self._parts.update({part.type: part for part in node_type.parts.values()})

    @classmethod
    def installed(cls) -> "Registry":
        """Return the node types of all installed packages, the built-in ones included."""
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
        """Return the node type with this name, or None."""
        return self._types.get(word) or self._parts.get(word)

    def words(self) -> list[str]:
        """Return every word that a definition may use as a type, sorted."""
        return sorted(self._types)

    def __iter__(self) -> Iterator[type[Node]]:
        return iter(dict.fromkeys(self._types.values()))


def _checked(found: object, where: str) -> list[type[Node]]:
    types = list(found) if isinstance(found, (tuple, list)) else []
    if not types:
        raise BrokenPlugin(f"{where}: NODE_TYPES must be a tuple of node types.")
    return [_as_node_type(each, where) for each in types]


def _as_node_type(found: object, where: str) -> type[Node]:
    if isinstance(found, type) and issubclass(found, Node):
        return found
    if not (isinstance(found, type) and is_step_class(found)):
        raise BrokenPlugin(f"{where}: {found!r} is not a node type.")
    try:
        return node_type_of(found)
    except Exception as problem:
        raise BrokenPlugin(f"{where}: {found!r} cannot be a node type ({problem}).") from problem
