"""Works out what a run must pass: on every way to a node, and on every way from it to the end.

A loop is taken as its turn: an edge that closes it leads to the end of the turn, and from there to
where the loop is left. So there are no cycles, and "the way to the end" is that of the last turn.

    start -> draft -> check -> done           check -> draft closes the loop: it leads to
               ^        |                     "draft again", and "draft again" leads to done
               +--------+
"""

from collections.abc import Iterator, Mapping

from flowc.compiler.analysis.dominators import Dominators
from flowc.compiler.analysis.graph import Edge
from flowc.compiler.planning.wiring import WiredLoop, Wiring

# No node has an id with such characters.
BEGINNING, END = "<beginning>", "<end>"
_AGAIN = " again"


class RunPaths:
    """The ways of a run through a workflow."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._after = dict(self._steps())
        self._before = Dominators(BEGINNING)
        for name in wiring.order:
            before = [edge.source for edge in wiring.wires[name].incoming]
            self._before.add(name, before or [BEGINNING])
        self._behind = Dominators(END)
        for name in self._last_first():
            self._behind.add(name, self._after[name])

    def target(self, edge: Edge) -> str:
        """Return where an edge leads: to a node, or to the end of a loop's turn."""
        return f"{edge.target}{_AGAIN}" if edge in self._wiring.back_edges else edge.target

    def after(self, name: str) -> tuple[str, ...]:
        """Return where a run can be directly after a node."""
        return self._after[name]

    def before_all(self, *names: str) -> str:
        """Return the last node, or BEGINNING, that every way to these passes."""
        return self._before.common(*names)

    def behind_all(self, *places: str) -> str:
        """Return the first place, or END, that every way from these passes."""
        return self._behind.common(*places)

    def behind(self, place: str) -> str:
        """Return the first place behind this one that every way from it passes, or END."""
        return self._behind.nearest(place) if place != END else END

    @staticmethod
    def is_within(place: str, loop: WiredLoop) -> bool:
        """Return whether a place is in a turn of a loop, its end included."""
        return place.removesuffix(_AGAIN) in loop.nodes

    def _steps(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        wiring = self._wiring
        yield BEGINNING, wiring.entries
        for name, wire in wiring.wires.items():
            yield name, self._targets(wire.outgoing)
        for header, loop in loops_by_header(wiring).items():
            yield f"{header}{_AGAIN}", self._targets(loop.exits)

    def _targets(self, edges: tuple[Edge, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(self.target, edges))) or (END,)

    def _last_first(self) -> list[str]:
        """Return all places but END, each after all places that a run can be at after it."""
        seen, order = {BEGINNING, END}, list[str]()
        path = [(BEGINNING, iter(self._after[BEGINNING]))]
        while path:
            name, rest = path[-1]
            step = next((place for place in rest if place not in seen), None)
            if step is None:
                order.append(name)
                path.pop()
            else:
                seen.add(step)
                path.append((step, iter(self._after[step])))
        return order


def loops_by_header(wiring: Wiring) -> Mapping[str, WiredLoop]:
    """Return all loops, by the node at which each is entered."""
    return {loop.header: loop for loops in wiring.loops_of.values() for loop in loops}
