"""Describes a workflow's graph as JSON: nodes with branches and bodies, edges, and their places."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flowc.compiler.analysis.graph import (
    DONE,
    ERROR,
    WrittenEdge,
    branch_targets,
    build_graph,
    written_edges,
    written_graph,
)
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Pointer, TextRange, pointer_text
from flowc.compiler.node import Node
from flowc.compiler.planning.closings import find_closings
from flowc.compiler.reading.documents import Document

# The fields that say most of a node, the first one that it has is shown.
_TELLING = (
    "prompt", "question", "condition", "while", "until", "for_each", "url", "workflow", "items",
    "value", "template", "expression", "query", "text", "code", "operation", "server", "tool",
    "title", "message", "signal", "collection", "path", "duration", "until_time", "variables",
    "output", "data",
)  # fmt: skip
_LONGEST = 120
Places = Mapping[tuple[str, str], list[WrittenEdge]]


def graph_as_json(scope: Scope, document: Document, around: str = "") -> dict[str, Any]:
    """Return the graph of a scope, with the ranges of its parts in the text of its document.

    It also shows nodes of unknown types, and disabled ones. `around` is the path of the node whose
    body it is.
    """
    graph = written_graph(scope.workflow, scope.registry)
    places: dict[tuple[str, str], list[WrittenEdge]] = {}
    for each in written_edges(scope.workflow, scope.registry):
        places.setdefault((each.source, each.target), []).append(each)
    leaving = _by_source(places)
    default = scope.whole.workflow.settings.max_turns
    closings = find_closings(graph, scope.workflow.edges, default)
    turns = {each.edge: each.max_turns for found in closings.values() for each in found}
    return {
        "entries": list(build_graph(scope.workflow, scope.registry).entries),
        "nodes": [
            _node(scope, node, document, leaving.get(node.id, []), around)
            for node in scope.workflow.nodes
        ],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "branches": sorted(edge.branches) if edge.branches is not None else None,
                "closes_loop": edge in graph.back_edges,
                "max_turns": turns.get(edge),
                **_place_of_edge(places.get((edge.source, edge.target), []), document),
            }
            for edge in graph.edges
        ],
    }


def _by_source(places: Places) -> dict[str, list[WrittenEdge]]:
    found: dict[str, list[WrittenEdge]] = {}
    for (source, _), written in places.items():
        found.setdefault(source, []).extend(written)
    return found


def _place_of_edge(written: list[WrittenEdge], document: Document) -> dict[str, Any]:
    """Return where an edge is written; it may be several times, once for each branch."""
    places = [
        {"pointer": pointer_text(each.at), "range": _range(document.extent(each.at))}
        for each in written
    ]
    first = places[0] if places else {"pointer": None, "range": None}
    return {**first, "places": places}


def _node(
    scope: Scope,
    node: NodeDefinition,
    document: Document,
    leaving: list[WrittenEdge],
    around: str,
) -> dict[str, Any]:
    kind = scope.registry.get(node.type)
    path = f"{around}.{node.id}" if around else node.id
    stored = kind.stored_workflow(node.config) if kind is not None else None
    # Of two nodes with one id, one is in the scope.
    body = scope.bodies.get(node.id) if scope.nodes[node.id].at == node.at else None
    field = kind.body_field if kind is not None and body is not None else None
    return {
        "id": node.id,
        "path": path,
        "type": node.type,
        "name": node.name,
        "group": kind.group if kind is not None else None,
        "detail": _detail(node),
        "join": node.join_text,
        "disabled": node.disabled,
        "pointer": pointer_text(node.at),
        "range": _range(document.extent(node.at, with_key=node.is_step)),
        "branches": list(_branches(scope, node, kind, leaving)),
        "body": graph_as_json(body, document, path) if body is not None else None,
        "body_pointer": pointer_text(node.config_at(field)) if field is not None else None,
        "workflow": stored[0] if stored is not None else None,
    }


def _branches(
    scope: Scope, node: NodeDefinition, kind: type[Node] | None, leaving: list[WrittenEdge]
) -> Iterator[dict[str, Any]]:
    """Yield the branches in the order of writing, each with the place that names its target."""
    own = list(branch_targets(node, scope.registry))
    if node.error_target is not None:
        own = [*(own or [DONE]), ERROR]
    for name in own:
        led = [edge for edge in leaving if edge.branch == name]
        if not led and name == DONE:
            led = [edge for edge in leaving if edge.branch is None]
        at = _target_place(led[0]) if led else _free_place(node, kind, name)
        target = led[0].target if led and led[0].target in scope.nodes else None
        yield {
            "name": name,
            "target": target,
            "pointer": pointer_text(at) if at is not None else None,
        }


def _target_place(edge: WrittenEdge) -> Pointer:
    is_edge = len(edge.at) > 1 and edge.at[-2] == "edges"
    return (*edge.at, "target") if is_edge else edge.at


def _free_place(node: NodeDefinition, kind: type[Node] | None, branch: str) -> Pointer | None:
    """Return where the target of a branch would be written, if the type has a place for it."""
    path = kind.branch_path(branch) if kind is not None else ()
    return node.config_at(*path) if path else None


def _detail(node: NodeDefinition) -> str | None:
    """Return one line of what matters most in a node's configuration."""
    for field in _TELLING:
        given = node.config.get(field)
        if given not in (None, "", [], {}):
            text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
            line = next((line.strip() for line in text.splitlines() if line.strip()), "")
            return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return None


def _range(found: TextRange | None) -> dict[str, Any] | None:
    return found.as_json() if found is not None else None
