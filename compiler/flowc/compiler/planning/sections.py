"""Finds the sections of a workflow that one LangGraph node must run, as a region.

LangGraph works in steps: the nodes that are woken together start together, and those after them
only when all have finished. Along a chain, through branches and around loops this makes no
difference, since a single node is at work. It makes none either where the paths of a fork have one
node each and meet again:

    plan -> search -> write        write needs both anyway
    plan -> recall -> write

Elsewhere a node would wait for nodes that it does not depend on. There, everything from the fork to
the node at which all its paths have met becomes a section:

    plan -> search -> sum_up -> write        section: plan, search, sum_up, recall
    plan -> recall -----------> write        sum_up starts when search has finished

A race is always in a section, at every granularity: within a step, nothing could be cancelled.

A section is entered at one node and left to one node. If its paths do not meet, it goes to the end
of the run. If another edge leads into the middle of it, or if one of its paths leaves a loop that
another one continues, it grows until that is no longer so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from flowc.compiler.analysis.graph import Edge
from flowc.compiler.definition import Granularity
from flowc.compiler.planning.plan import Plan
from flowc.compiler.planning.run_paths import BEGINNING, END, RunPaths
from flowc.compiler.planning.wiring import Wiring

WHOLE = "workflow"


@dataclass(frozen=True)
class PlanSection:
    """Nodes that run as one region, which starts at its `entries`.

    There are several entries only if the workflow starts there. `forks` are the edges that a run
    takes together, and after which steps would make a node wait without need.
    """

    name: str
    entries: tuple[str, ...]
    nodes: frozenset[str]
    forks: tuple[tuple[Edge, ...], ...] = ()

    def counts_turns(self, name: str, wiring: Wiring) -> bool:
        """Return whether all executions of a node in a run are in one execution of the section."""
        return name in self.nodes and all(
            loop.nodes <= self.nodes for loop in wiring.loops_of[name]
        )


def sections_of(plan: Plan, granularity: Granularity) -> tuple[PlanSection, ...]:
    """Return the sections of a plan that become regions, at a granularity."""
    if granularity == "node":
        return find_races(plan.wiring)
    if granularity == "fused":
        return (PlanSection(WHOLE, plan.wiring.entries, frozenset(plan.nodes)),)
    return find_sections(plan.wiring, lambda name: plan.nodes[name].may_wait)


def find_sections(
    wiring: Wiring, may_wait: Callable[[str], bool] = lambda name: False
) -> tuple[PlanSection, ...]:
    """Return the sections in which steps and the flow of data differ, in the order of their forks.

    A node that `may_wait`, for a person say, shares no step with others.
    """
    return _Finder(wiring, may_wait).find()


def find_races(wiring: Wiring) -> tuple[PlanSection, ...]:
    """Return the smallest sections that have all races in them."""
    return _Finder(wiring, lambda name: False).find(only_races=True) if wiring.races else ()


@dataclass(frozen=True)
class _Part:
    """A section in the making, from a node to a place, which is no longer in it."""

    start: str
    exit: str
    nodes: frozenset[str]


@dataclass
class _Finder:
    wiring: Wiring
    may_wait: Callable[[str], bool]
    _owners: dict[str, _Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._paths = RunPaths(self.wiring)

    def find(self, *, only_races: bool = False) -> tuple[PlanSection, ...]:
        forks: list[tuple[str, list[tuple[Edge, ...]]]] = []
        for name in self.wiring.order:
            if name in self.wiring.races:
                self._add_race(name)
        for name in () if only_races else (BEGINNING, *self.wiring.order):
            uneven = [edges for edges in self._together(name) if not self._is_even(edges)]
            if not uneven:
                continue
            forks.append((name if name != BEGINNING else self.wiring.entries[0], uneven))
            if any(self._leaks(edges) for edges in uneven):
                self._add(name, END)
            elif name not in self._owners:
                self._add(name, self._paths.behind(name))
        found: dict[_Part, list[tuple[Edge, ...]]] = {
            self._owners[name]: [] for name in self.wiring.order if name in self._owners
        }
        for name, uneven in forks:
            found[self._owners[name]].extend(uneven)
        return tuple(self._section(part, edges) for part, edges in found.items())

    def _add_race(self, name: str) -> None:
        """Add the section from the node before all paths of a race to behind its join."""
        sources = [edge.source for edge in self.wiring.wires[name].incoming]
        start = self._paths.before_all(*sources)
        leaks = any(self._leaks(edges) for edges in self._together(start))
        self._add(start, END if leaks else self._paths.behind(name))

    def _section(self, part: _Part, forks: Sequence[tuple[Edge, ...]]) -> PlanSection:
        if part.start == BEGINNING:
            name, entries = "from the beginning", self.wiring.entries
        else:
            name, entries = f"from {part.start}", (part.start,)
        return PlanSection(name, entries, part.nodes, tuple(forks))

    def _together(self, name: str) -> Iterator[tuple[Edge, ...]]:
        """Yield the sets of edges, of two and more, that a run can take together after a node."""
        if name == BEGINNING:
            found = [[Edge(BEGINNING, entry) for entry in self.wiring.entries]]
        else:
            outgoing = self.wiring.wires[name].outgoing
            always = [edge for edge in outgoing if edge.branches is None]
            chosen: dict[str, list[Edge]] = {}
            for edge in outgoing:
                for branch in edge.branches or ():
                    chosen.setdefault(branch, []).append(edge)
            found = [[*always, *edges] for edges in chosen.values()] or [always]
        yield from (tuple(edges) for edges in found if len(edges) > 1)

    def _is_even(self, edges: tuple[Edge, ...]) -> bool:
        """Return whether steps make none of these paths wait for another without need.

        They meet after one node each, or all but one lead directly to where they meet.
        """
        meeting = self._meeting(edges)
        longer = [edge for edge in edges if self._paths.target(edge) != meeting]
        is_even = len(longer) < 2 or all(self._only_next(edge) == (meeting,) for edge in longer)
        return is_even and not self._leaks(edges)

    def _meeting(self, edges: tuple[Edge, ...]) -> str:
        return self._paths.behind_all(*map(self._paths.target, edges))

    def _only_next(self, edge: Edge) -> tuple[str, ...]:
        """Return what is after an edge's target, if that is reached and left in one way only."""
        wire = self.wiring.wires[edge.target]
        is_single = len(wire.incoming) < 2 and not wire.closing and len(wire.outgoing) < 2
        return self._paths.after(wire.id) if is_single and not self.may_wait(wire.id) else ()

    def _leaks(self, edges: tuple[Edge, ...]) -> bool:
        """Return whether one path stays in a turn of a loop, and they do not all meet there."""
        meeting, source = self._meeting(edges), edges[0].source
        loops = self.wiring.loops_of[source] if source != BEGINNING else ()
        is_within = self._paths.is_within
        return any(
            not is_within(meeting, loop)
            and any(is_within(self._paths.target(edge), loop) for edge in edges)
            for loop in loops
        )

    def _add(self, start: str, exit: str) -> None:
        """Add a section, together with those that it shares nodes with."""
        part, absorbed = self._closed(start, exit), set[_Part]()
        while met := {self._owners[n] for n in part.nodes if n in self._owners} - absorbed:
            absorbed |= met
            start = self._paths.before_all(part.start, *(other.start for other in met))
            exit = self._paths.behind_all(part.exit, *(other.exit for other in met))
            part = self._closed(start, exit)
        self._owners.update(dict.fromkeys(part.nodes, part))

    def _closed(self, start: str, exit: str) -> _Part:
        """Return the smallest section around these that nothing enters but at its start."""
        paths = self._paths
        while True:
            exit = paths.behind_all(exit, paths.behind(start))
            nodes = self._between(start, exit)
            entering = [
                edge.source
                for name in nodes - {start}
                for edge in (*self.wiring.wires[name].incoming, *self.wiring.wires[name].closing)
                if edge.source not in nodes
            ]
            if not entering:
                return _Part(start, exit, nodes)
            start = paths.before_all(start, *entering)
            exit = paths.behind_all(exit, *map(paths.behind, entering))

    def _between(self, start: str, exit: str) -> frozenset[str]:
        todo = list(self.wiring.entries) if start == BEGINNING else [start]
        seen = set(todo)
        while todo:
            for edge in self.wiring.wires[todo.pop()].outgoing:
                if exit not in {edge.target, self._paths.target(edge)} and edge.target not in seen:
                    seen.add(edge.target)
                    todo.append(edge.target)
        return frozenset(seen)
