"""Compares two definitions by meaning.

Layout, key order, names and descriptions have no meaning: only what the hash covers is compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowc.compiler.definition import WorkflowDefinition

ChangeKind = Literal["added", "removed", "changed", "renamed"]

_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One difference; `subject` names what differs, such as `node classify: prompt`."""

    kind: ChangeKind
    subject: str
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
        }


def compare(old: WorkflowDefinition, new: WorkflowDefinition) -> list[Change]:
    """Return what changed from one definition to another; empty if they mean the same."""
    before, after = old.meaning(), new.meaning()
    changes = list(_compare_graphs(before, after, ""))
    for key in sorted((before.keys() | after.keys()) - {"nodes", "edges"}):
        changes += _compare_values(before.get(key, _ABSENT), after.get(key, _ABSENT), key)
    return changes


def _compare_graphs(before: Any, after: Any, where: str) -> Iterator[Change]:
    """Compare nodes by id, and edges by what they join."""
    old = {node["id"]: node for node in before.get("nodes", ())}
    new = {node["id"]: node for node in after.get("nodes", ())}
    renamed = dict(_renamed(old, new))
    for name, node in old.items():
        if name in renamed:
            yield Change("renamed", f"{where}node {name}", name, renamed[name])
        elif name not in new:
            yield Change("removed", f"{where}node {name}", node)
        else:
            yield from _compare_nodes(node, new[name], f"{where}node {name}")
    for name, node in new.items():
        if name not in old and name not in renamed.values():
            yield Change("added", f"{where}node {name}", None, node)
    yield from _compare_edges(before.get("edges", ()), after.get("edges", ()), where, renamed)


def _renamed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the nodes that only have another id."""
    free = [name for name in new if name not in old]
    for name, node in old.items():
        if name in new:
            continue
        same = next((other for other in free if {**new[other], "id": name} == node), None)
        if same is not None:
            free.remove(same)
            yield name, same


def _compare_nodes(before: Any, after: Any, where: str) -> Iterator[Change]:
    for key in sorted((before.keys() | after.keys()) - {"config"}):
        yield from _compare_values(
            before.get(key, _ABSENT), after.get(key, _ABSENT), f"{where}: {key}"
        )
    old, new = before.get("config", {}), after.get("config", {})
    for key in sorted(old.keys() | new.keys()):
        one, other = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if _is_graph(one) and _is_graph(other):
            yield from _compare_graphs(one, other, f"{where} / ")
            one, other = _rest(one), _rest(other)
        yield from _compare_values(one, other, f"{where}: {key}")


def _is_graph(value: Any) -> bool:
    nodes = value.get("nodes") if isinstance(value, dict) else None
    return isinstance(nodes, list) and all(isinstance(n, dict) and "id" in n for n in nodes)


def _rest(graph: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in graph.items() if key not in {"nodes", "edges"}}


def _compare_edges(
    before: Any, after: Any, where: str, renamed: Mapping[str, str]
) -> Iterator[Change]:
    """Compare edges; those of a renamed node count as the same."""
    old = {_edge(edge, renamed) for edge in before}
    new = {_edge(edge, {}) for edge in after}
    for edge in sorted(old - new):
        yield Change("removed", f"{where}edge {edge}")
    for edge in sorted(new - old):
        yield Change("added", f"{where}edge {edge}")


def _edge(edge: Mapping[str, Any], renamed: Mapping[str, str]) -> str:
    source, target = (renamed.get(edge[end], edge[end]) for end in ("source", "target"))
    branch = f" ({edge['branch']})" if edge.get("branch") else ""
    if edge.get("max_turns"):
        branch = f"{branch}, at most {edge['max_turns']} turns"
    return f"{source} → {target}{branch}"


def _compare_values(before: Any, after: Any, where: str) -> Iterator[Change]:
    """Compare values, and objects field by field."""
    if before is _ABSENT or after is _ABSENT:
        if before is not after:
            kind: ChangeKind = "added" if before is _ABSENT else "removed"
            yield Change(kind, where, _shown(before), _shown(after))
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            one, other = before.get(key, _ABSENT), after.get(key, _ABSENT)
            yield from _compare_values(one, other, f"{where}.{key}")
    elif before != after or type(before) is not type(after):
        yield Change("changed", where, before, after)


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
