"""Breakpoints: nodes before which a run stops, so that a person can inspect it."""

from collections.abc import Iterable, Mapping

from flowc.compiler.running.events import name_of


class Breakpoints:
    """The names of the nodes before which a run stops; with `is_stepping`, every node.

    `conditions` are expressions, by name: the run stops there only if they are true. All can be
    changed during the run.

    >>> breakpoints = Breakpoints(["review", "each.draft"])
    >>> breakpoints.may_stop("", "review"), breakpoints.may_stop("each#0/2/", "draft")
    (True, True)
    >>> breakpoints.may_stop("", "draft")
    False
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        conditions: Mapping[str, str] | None = None,
        *,
        is_stepping: bool = False,
    ) -> None:
        self.names, self.is_stepping = frozenset(names), is_stepping
        self.conditions = conditions or {}

    def may_stop(self, path: str, node_id: str) -> bool:
        """Return whether the run stops before this node, if a condition of it is true."""
        return self.is_stepping or (bool(self.names) and name_of(path, node_id) in self.names)

    def condition(self, path: str, node_id: str) -> str | None:
        """Return the condition of a breakpoint; None if the run stops there in any case."""
        return None if self.is_stepping else self.conditions.get(name_of(path, node_id))
