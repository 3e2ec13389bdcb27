"""Before which nodes does a run stop, so that a person can look at it?"""

from collections.abc import Iterable

from flowc.compiler.running.events import name_of


class Breakpoints:
    """The nodes before which a run stops, by their names; it may be changed while the run goes on.

    One that `is_stepping` stops before every node.
    """

    def __init__(self, names: Iterable[str] = (), *, is_stepping: bool = False) -> None:
        self.names, self.is_stepping = frozenset(names), is_stepping

    def stop_before(self, path: str, node_id: str) -> bool:
        """Say whether a run stops before this node."""
        return self.is_stepping or (bool(self.names) and name_of(path, node_id) in self.names)
