"""The rules of joins and loops in their plainest form: slow, sequential, obvious.

Every edge settles live or dead. A node runs when all its incoming edges are settled and one is live
(`any`) or all are (`all`); otherwise it is skipped and its edges die. No node waits for an edge
that closes a loop. When nothing else can happen and a turn's edges are all settled, a live closing
edge begins the next turn, with the loop's edges unsettled; otherwise the loop has ended, and the
exits that no turn took are dead.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Flow:
    """Nodes in the order of a depth-first walk; edges as (source, target)."""

    nodes: list[str]
    edges: list[tuple[str, str]]
    joins: dict[str, str] = field(default_factory=dict)


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
