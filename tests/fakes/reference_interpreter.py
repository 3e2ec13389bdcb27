"""The rules of joins and loops in their plainest form: slow, sequential, obvious.

Every edge settles live or dead. A node runs when all its incoming edges are settled and one is live
(`any`) or all are (`all`); otherwise it is skipped and its edges die. No node waits for an edge
that closes a loop. When nothing else can happen and a turn's edges are all settled, a live closing
edge begins the next turn, with the loop's edges unsettled; otherwise the loop has ended, and the
exits that no turn took are dead.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field


@dataclass
class Flow:
    """Nodes in the order of a depth-first walk; edges as (source, target)."""

    nodes: list[str]
    edges: list[tuple[str, str]]
    joins: dict[str, str] = field(default_factory=dict)

    def quorum(self, node: str) -> int | None:
        """Return how many live edges decide the join of a node, if it does not wait for all."""
        join = self.joins.get(node, "any")
        return {"any": None, "all": None, "first": 1}[join] if not join.isdigit() else int(join)


Choose = Callable[[str, int], set[str]]


def expected_runs(flow: Flow, choose: Choose) -> Counter[str]:
    """Return how often each node runs; `choose(node, n)` names the targets it takes the n-th time."""
    return _Interpreter(flow, choose).run()


class _Interpreter:
    def __init__(self, flow: Flow, choose: Choose) -> None:
        self.flow, self.choose = flow, choose
        self.loops = _loops(flow.nodes, flow.edges)
        self.back = {
            e for header, body in self.loops for e in flow.edges if _closes(e, header, body)
        }
        self.settled: dict[tuple[str, str], bool] = {}
        self.provisional: set[tuple[str, str]] = set()
        self.waiting = set(flow.nodes)
        self.ran: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        while self._step_node() or self._step_loop():
            if sum(self.ran.values()) > 500:
                raise RuntimeError("the flow does not end")
        return self.ran

    def _step_node(self) -> bool:
        for node in self.flow.nodes:
            incoming = [e for e in self.flow.edges if e[1] == node and e not in self.back]
            if node not in self.waiting or any(e not in self.settled for e in incoming):
                continue
            live = [self.settled[e] for e in incoming]
            every = self.flow.joins.get(node) == "all"
            self._leave(node, not live or (all(live) if every else any(live)))
            return True
        return False

    def _leave(self, node: str, runs: bool) -> None:
        self.waiting.discard(node)
        taken = self.choose(node, self.ran[node]) if runs else set()
        self.ran[node] += runs
        for edge in self.flow.edges:
            if edge[0] == node:
                self._settle(edge, edge[1] in taken)

    def _settle(self, edge: tuple[str, str], live: bool) -> None:
        leaves = any(edge[0] in body and edge[1] not in body for _, body in self.loops)
        if live:
            self.settled[edge] = True
            self.provisional.discard(edge)
            if edge not in self.back:
                self.waiting.add(edge[1])
        elif leaves and edge not in self.back:
            if self.settled.get(edge) is not True:
                self.provisional.add(edge)
        elif leaves:
            self.settled[edge] = False
        else:
            self.settled[edge] = False

    def _step_loop(self) -> bool:
        """Begin another turn of the innermost loop with a live closing edge, or end the loops."""
        for header, body in sorted(self.loops, key=lambda loop: len(loop[1])):
            closing = [e for e in self.flow.edges if _closes(e, header, body)]
            if any(self.settled.get(e) for e in closing):
                for edge in [e for e in self.flow.edges if e[0] in body]:
                    if edge[1] in body or not self.settled.get(edge):
                        self.settled.pop(edge, None)
                        self.provisional.discard(edge)
                self.waiting |= body
                self._leave(header, True)
                return True
        return self._end_loops()

    def _end_loops(self) -> bool:
        """Settle the exits that no turn took as dead: no loop has another turn.

        An exit of an inner loop that stays within an outer one dies first.
        """
        for edge in sorted(self.provisional, key=self._levels):
            level = self._levels(edge)
            for other in [e for e in self.provisional if self._levels(e) == level]:
                self.provisional.discard(other)
                self.settled[other] = False
            return True
        return False

    def _levels(self, edge: tuple[str, str]) -> int:
        """Return the size of the largest loop that the edge leaves."""
        return max(len(body) for _, body in self.loops if edge[0] in body and edge[1] not in body)


def _closes(edge: tuple[str, str], header: str, body: frozenset[str]) -> bool:
    return edge[1] == header and edge[0] in body


def _loops(nodes: list[str], edges: list[tuple[str, str]]) -> list[tuple[str, frozenset[str]]]:
    """Return each loop's first node and all its nodes, found by plain reachability."""
    found: list[tuple[str, frozenset[str]]] = []
    for index, header in enumerate(nodes):
        inside = set(nodes[index:])
        within = [e for e in edges if e[0] in inside and e[1] in inside]
        for h, body in found:
            if header in body:
                within = [e for e in within if e[1] != h and e[0] in body and e[1] in body]
        after = _reach(header, within)
        body = {n for n in after | {header} if header in _reach(n, within)}
        if header in after and body:
            found.append((header, frozenset(body)))
    return found


def _reach(start: str, edges: list[tuple[str, str]]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        for source, target in edges:
            if source == here and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def expected_moments(flow: Flow, choose: Choose, seconds: Mapping[str, float]) -> dict[str, float]:
    """Return when each node begins that runs, in a flow without loops, sources before targets.

    A node begins, or is skipped, at the moment when its last incoming edge settles.
    """
    begins: dict[str, float] = {}
    settled: dict[tuple[str, str], tuple[float, bool]] = {}
    for node in flow.nodes:
        incoming = [settled[edge] for edge in flow.edges if edge[1] == node]
        moment = max((when for when, _ in incoming), default=0.0)
        live = [is_live for _, is_live in incoming]
        runs = not live or (all(live) if flow.joins.get(node) == "all" else any(live))
        taken = choose(node, 0) if runs else set()
        if runs:
            begins[node] = moment
            moment += seconds[node]
        for edge in flow.edges:
            if edge[0] == node:
                settled[edge] = (moment, edge[1] in taken)
    return begins


@dataclass
class Raced:
    """What a flow with races does: when nodes begin, and which are cancelled or never begin."""

    begins: dict[str, float] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)


def expected_races(
    flow: Flow,
    choose: Choose,
    seconds: Mapping[str, float],
    fails: Container[str] = (),
) -> Raced | None:
    """Return what a flow without loops does, sources before targets; None if it fails.

    A race is decided when enough of its edges are live, or can no longer be. Then its other edges
    do not count any more, and neither does a node all of whose edges do not count.
    """
    return _Race(flow, choose, seconds, fails).run()


class _Race:
    def __init__(
        self, flow: Flow, choose: Choose, seconds: Mapping[str, float], fails: Container[str]
    ) -> None:
        self.flow, self.choose, self.seconds, self.fails = flow, choose, seconds, fails
        self.settled: dict[tuple[str, str], bool | None] = {}
        self.ends: dict[str, float] = {}
        self.over: set[str] = set()
        self.failed: set[str] = set()
        self.now, self.has_failed, self.found = 0.0, False, Raced()

    def run(self) -> Raced | None:
        self._look()
        while self.ends and not self.has_failed:
            node = min(self.ends, key=lambda name: self.ends[name])
            self.now = self.ends.pop(node)
            self.over.add(node)
            if node in self.fails:
                self._fail(node)
            else:
                self.found.completed.add(node)
                taken = self.choose(node, 0)
                for edge in self._out(node):
                    self.settled.setdefault(edge, edge[1] in taken)
            self._look()
        return None if self.has_failed else self.found

    def _out(self, node: str) -> list[tuple[str, str]]:
        return [edge for edge in self.flow.edges if edge[0] == node]

    def _look(self) -> None:
        """Decide nodes, sources first, until nothing changes."""
        while any(self._decide(node) for node in self.flow.nodes if node not in self.over):
            self._give_up()

    def _decide(self, node: str) -> bool:
        if node in self.ends:
            return False
        incoming = [edge for edge in self.flow.edges if edge[1] == node]
        known = [self.settled[e] for e in incoming if e in self.settled]
        live, quorum = known.count(True), self.flow.quorum(node)
        left = len(incoming) - len(known)
        if not incoming or (quorum is not None and len(incoming) > 1 and live >= quorum):
            runs = True
        elif quorum is not None and len(incoming) > 1 and live + left < quorum:
            runs = False
        elif left:
            return False
        else:
            runs = all(known) if self.flow.joins.get(node) == "all" else any(known)
        for edge in incoming:
            self.settled.setdefault(edge, None)
        if runs:
            self.found.begins[node], self.ends[node] = self.now, self.now + self.seconds[node]
        else:
            self._end(node, self.found.skipped)
            self.has_failed |= bool(self._lost_by_failure(node))
        return True

    def _end(self, node: str, kind: set[str], live: bool | None = False) -> None:
        self.over.add(node)
        kind.add(node)
        for edge in self._out(node):
            self.settled.setdefault(edge, live)

    def _give_up(self) -> None:
        """Cancel the nodes whose edges all count no more."""
        for node in reversed(self.flow.nodes):
            edges = self._out(node)
            counts = [e for e in edges if e not in self.settled or self.settled[e] is not None]
            if node not in self.over and edges and not counts:
                is_at_work = self.ends.pop(node, None) is not None
                # What would begin at the moment of the decision does not.
                if is_at_work and self.found.begins[node] == self.now:
                    del self.found.begins[node]
                    is_at_work = False
                self._end(node, self.found.cancelled if is_at_work else self.found.skipped, None)
                for edge in [e for e in self.flow.edges if e[1] == node]:
                    self.settled.setdefault(edge, None)

    def _is_race(self, node: str) -> bool:
        many = sum(edge[1] == node for edge in self.flow.edges) > 1
        return many and self.flow.quorum(node) is not None

    def _fail(self, node: str) -> None:
        """End a path of a race; outside of races, the run fails."""
        path, todo = {node}, [node]
        while todo:
            here = todo.pop()
            following = [e[1] for e in self._out(here) if self.settled.get(e, True) is not None]
            self.has_failed |= not self._out(here)
            new = {name for name in following if not self._is_race(name)} - path
            path |= new
            todo += new
        self.failed.add(node)
        for name in sorted(path - {node}, key=self.flow.nodes.index):
            self.over.add(name)
            self.found.skipped.add(name)
        for name in path:
            for edge in [e for e in self.flow.edges if e[1] in path]:
                self.settled.setdefault(edge, None)
            for edge in self._out(name):
                self.settled.setdefault(edge, False)
        self._give_up()

    def _lost_by_failure(self, node: str) -> set[str]:
        """Return the failures that may have decided a race against a node, if the run needs it."""
        after = _reach(node, self.flow.edges) | {node}
        is_bound = not self._reaches_end(node)
        before = {name for name in self.failed if node in _reach(name, self.flow.edges)}
        return before if self._is_race(node) and not is_bound and after else set()

    def _reaches_end(self, node: str) -> bool:
        """Return whether a way leads from a node to the end past all races."""
        following = [edge[1] for edge in self._out(node)]
        return not following or any(
            self._reaches_end(name) for name in following if not self._is_race(name)
        )
