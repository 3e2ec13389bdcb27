"""Finds the loops in the edges of a graph, and the node at which each is entered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Targets = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class EdgeLoop:
    """A cycle: the node at which it is entered, the nodes on it, and the loops inside it."""

    header: str
    nodes: frozenset[str]
    inner: tuple["EdgeLoop", ...] = ()

    def walk(self) -> Iterator["EdgeLoop"]:
        """Yield this loop and all within it, outermost first."""
        yield self
        for loop in self.inner:
            yield from loop.walk()


def find_loops(entries: Sequence[str], targets: Targets) -> tuple[EdgeLoop, ...]:
    """Return the loops, nested: each is a strongly connected part, entered at its first node.

    `targets` names the nodes that each node leads to; nodes that no entry leads to are ignored.

    >>> [loop] = find_loops(["a"], {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []})
    >>> loop.header, sorted(loop.nodes)
    ('b', ['b', 'c'])
    """
    order = {name: index for index, name in enumerate(_preorder(entries, targets))}
    return _loops_within(frozenset(order), targets, order)


def _loops_within(
    nodes: frozenset[str], targets: Targets, order: Mapping[str, int]
) -> tuple[EdgeLoop, ...]:
    inside = {name: [target for target in targets[name] if target in nodes] for name in nodes}
    loops: list[EdgeLoop] = []
    for part in _strongly_connected(sorted(nodes, key=order.__getitem__), inside):
        if len(part) == 1 and not any(name in inside[name] for name in part):
            continue
        header = min(part, key=order.__getitem__)
        # What closes this loop is taken away; what cycles are left are the loops inside of it.
        rest = {n: [t for t in ts if t != header] for n, ts in inside.items()}
        loops.append(EdgeLoop(header, part, _loops_within(part, rest, order)))
    return tuple(loops)


def _preorder(entries: Sequence[str], targets: Targets) -> list[str]:
    seen: dict[str, None] = {}
    todo = list(reversed(entries))
    while todo:
        name = todo.pop()
        if name not in seen:
            seen[name] = None
            todo.extend(reversed(targets[name]))
    return list(seen)


def _strongly_connected(names: Sequence[str], targets: Targets) -> Iterator[frozenset[str]]:
    """Yield the parts in which each node leads to each other (Kosaraju's two passes)."""
    sources: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        for target in targets[name]:
            sources[target].append(name)
    assigned: set[str] = set()
    for root in reversed(_by_finish(names, targets)):
        if root not in assigned:
            part = _collect(root, sources, assigned)
            assigned |= part
            yield frozenset(part)


def _collect(root: str, sources: Targets, assigned: set[str]) -> set[str]:
    part, todo = {root}, [root]
    while todo:
        new = [s for s in sources[todo.pop()] if s not in assigned and s not in part]
        part.update(new)
        todo.extend(new)
    return part


def _by_finish(names: Sequence[str], targets: Targets) -> list[str]:
    """Return the nodes in the order in which a depth-first search leaves them."""
    seen: set[str] = set()
    finished: list[str] = []
    for root in names:
        path = [] if root in seen else [(root, iter(targets[root]))]
        seen.add(root)
        while path:
            name, rest = path[-1]
            step = next((target for target in rest if target not in seen), None)
            if step is None:
                finished.append(name)
                path.pop()
            else:
                seen.add(step)
                path.append((step, iter(targets[step])))
    return finished
