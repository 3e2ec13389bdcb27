"""Finds the dominators in a graph without cycles: the nodes that every path to a node passes."""

from collections.abc import Iterable


class Dominators:
    """The nearest dominator of each node, as a tree; a node is added after all before it.

    Each node also has a jump far up the tree, so that a common dominator is found in few steps.

    >>> found = Dominators("a")
    >>> for name, before in (("b", "a"), ("c", "a"), ("d", "bc"), ("e", "d")):
    ...     found.add(name, before)
    >>> found.nearest("d"), found.common("e", "c")
    ('a', 'a')
    """

    def __init__(self, root: str) -> None:
        self._nearest, self._jump, self._depth = {root: root}, {root: root}, {root: 0}

    def add(self, name: str, before: Iterable[str]) -> None:
        """Add a node with the nodes directly before it."""
        parent = self.common(*before)
        far = self._jump[parent]
        depth = self._depth
        # Two jumps of equal length become one that is twice as long.
        is_pair = depth[parent] - depth[far] == depth[far] - depth[self._jump[far]]
        self._nearest[name], depth[name] = parent, depth[parent] + 1
        self._jump[name] = self._jump[far] if is_pair else parent

    def nearest(self, name: str) -> str:
        """Return the dominator closest to a node, other than itself."""
        return self._nearest[name]

    def common(self, *names: str) -> str:
        """Return the closest node that dominates all of these, which can be one of them."""
        found = names[0]
        for name in names[1:]:
            found = self._common(found, name)
        return found

    def _common(self, one: str, other: str) -> str:
        depth, jump, nearest = self._depth, self._jump, self._nearest
        low, high = (one, other) if depth[one] > depth[other] else (other, one)
        while depth[low] > depth[high]:
            low = jump[low] if depth[jump[low]] >= depth[high] else nearest[low]
        while low != high:
            # Nodes of equal depth have jumps of equal length.
            step = jump if jump[low] != jump[high] else nearest
            low, high = step[low], step[high]
        return low
