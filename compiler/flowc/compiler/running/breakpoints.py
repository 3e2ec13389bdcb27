"""Breakpoints: nodes before which a run stops, so that a person can inspect it."""

from collections.abc import Iterable

from flowc.compiler.running.events import name_of


class Breakpoints:
    """The names of the nodes before which a run stops; with `is_stepping`, every node.

    Both can be changed during the run.

    >>> breakpoints = Breakpoints(["review", "each.draft"])
    >>> breakpoints.stop_before("", "review"), breakpoints.stop_before("each#0/2/", "draft")
    (True, True)
    >>> breakpoints.stop_before("", "draft")
    False
    """

    def __init__(self, names: Iterable[str] = (), *, is_stepping: bool = False) -> None:
        self.names, self.is_stepping = frozenset(names), is_stepping

    def stop_before(self, path: str, node_id: str) -> bool:
        """Return whether the run stops before this node."""
        return self.is_stepping or (bool(self.names) and name_of(path, node_id) in self.names)
