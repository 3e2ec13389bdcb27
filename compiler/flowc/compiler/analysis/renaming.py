"""Renames a node in the text of a definition, with all places that name it.

The changed text is read again: only if it means the same with the other id, it is a result.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from flowc.compiler.analysis.graph import written_graph
from flowc.compiler.analysis.node_references import (
    NamedNode,
    ReadNode,
    expressions_of,
    holder_of,
    places_naming,
)
from flowc.compiler.analysis.references import id_problem, name_in_path, node_path
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.diagnostics import (
    DefinitionRefused,
    Pointer,
    Problem,
    Replacement,
    TextChange,
    did_you_mean,
)
from flowc.compiler.reading.documents import Document, changed_text

ReadScope = Callable[[Document], Scope]
ReadAgain = Callable[[str], Document]


class CannotRename(ValueError):
    """The node cannot have another id in this text; the message says why."""


def rename_node(
    document: Document, path: str, new: str, resolve: ReadScope, read: ReadAgain
) -> tuple[TextChange, ...]:
    """Return the changes of a text that give a node another id, wherever it is named.

    `path` is the node's id, behind those of the nodes around it if it is in a body. `resolve`
    returns the scope of a document, and `read` the document of a text. Raises DefinitionRefused if
    the text cannot be read, there is no such node, or it cannot have the id, and CannotRename.
    """
    whole = resolve(document)
    broken = [problem for part in whole.walk() for problem in part.problems]
    if broken:
        raise DefinitionRefused([document.diagnostic(problem) for problem in broken])
    scope, id, at = _node_at(whole, path, document)
    if new == id:
        return ()
    problem = id_problem(new, at) or _taken(whole, scope, new, at)
    if problem is not None:
        raise DefinitionRefused([document.diagnostic(problem)])
    replacements = list(_replacements(scope, id, new))
    changes = document.changes(replacements)
    if changes is None or document.text is None:
        raise CannotRename("One of the places that name the node cannot be changed in the text.")
    after = _read(read, changed_text(document.text, changes))
    data = _with(document.data, replacements)
    if after is None or after.data != data or not _is_same(whole, resolve(after), scope, id, new):
        raise CannotRename(f"With {new!r} in its places, the definition would mean something else.")
    return changes


def _node_at(whole: Scope, path: str, document: Document) -> tuple[Scope, str, Pointer]:
    """Return the scope, the id and the place of the id of a node."""
    *around, id = path.split(".")
    scope: Scope | None = whole
    for container in around:
        scope = scope.bodies.get(container) if scope is not None else None
    found = [node for node in scope.workflow.nodes if node.id == id] if scope else []
    if scope is None or not found:
        hint = did_you_mean(path, _paths(whole))
        problem = Problem("unknown-node", f"There is no node {path[:60]!r}.", (), hint)
        raise DefinitionRefused([document.diagnostic(problem)])
    at = found[0].at if found[0].is_step else (*found[0].at, "id")
    if len(found) > 1:
        message = f"Several nodes have the id {id[:60]!r}."
        raise DefinitionRefused([document.diagnostic(Problem("duplicate-id", message, at))])
    return scope, id, at


def _paths(scope: Scope, around: str = "") -> Iterator[str]:
    for id in scope.nodes:
        yield f"{around}{id}"
        body = scope.bodies.get(id)
        if body is not None:
            yield from _paths(body, f"{around}{id}.")


def _taken(whole: Scope, scope: Scope, new: str, at: Pointer) -> Problem | None:
    """Return a problem if a node that could be read in its place has an id already."""
    around = list(_around(scope))
    if not any(
        new in part.nodes and (part in around or scope in _around(part)) for part in whole.walk()
    ):
        return None
    message = f"Another node already has the id {new[:60]!r}."
    return Problem("duplicate-id", message, at, "Use another id.")


def _around(scope: Scope) -> Iterator[Scope]:
    """Yield a scope, and those around it that it reads."""
    yield scope
    if scope.outer is not None:
        yield from _around(scope.outer)


def _replacements(scope: Scope, id: str, new: str) -> Iterator[Replacement]:
    for place in places_naming(scope, id):
        if isinstance(place, NamedNode):
            yield Replacement(place.at, new, place.on_key)
        else:
            found = _in_expression(place, id, new)
            if found is not None:
                yield found


def _in_expression(place: ReadNode, id: str, new: str) -> Replacement | None:
    known = place.occurrence.places[place.step]
    if known is None:
        # A local variable is in the place of the name.
        return None
    offset, length = known
    is_name = place.step == 0 or place.source[offset - 1] == "."
    if is_name and name_in_path(new) is None:
        root = place.occurrence.places[0]
        offset = root[0] if root is not None else offset
        length = known[0] + known[1] - offset
        return Replacement(place.at, f"nodes['{new}']", offset=offset, length=length)
    return Replacement(place.at, new, offset=offset, length=length)


def _with(data: Any, replacements: list[Replacement]) -> Any:
    """Return data in which the values, keys and parts of texts are replaced."""
    # In YAML, two places can have one value; here each has its own.
    data = json.loads(json.dumps(data))
    # The last parts of a text first, so that the others stay where they are; keys at the end.
    order = sorted(set(replacements), key=lambda each: (each.on_key, -(each.offset or 0)))
    for each in order:
        *path, last = each.at
        holder = data
        for part in path:
            holder = holder[part]
        if each.on_key:
            items = [(each.new if key == last else key, value) for key, value in holder.items()]
            holder.clear()
            holder.update(items)
        elif each.offset is None:
            holder[last] = each.new
        else:
            text, end = holder[last], each.offset + each.length
            holder[last] = text[: each.offset] + each.new + text[end:]
    return data


def _is_same(before: Scope, after: Scope, scope: Scope, id: str, new: str) -> bool:
    """Return whether two definitions are the same, apart from the id of one node."""

    def renamed(part: Scope, name: str) -> str:
        return new if part is scope and name == id else name

    return list(_meaning(before, renamed)) == list(_meaning(after, lambda part, name: name))


def _meaning(whole: Scope, renamed: Callable[[Scope, str], str]) -> Iterator[Any]:
    """Yield the nodes, edges, branches and references of all scopes, with ids as renamed."""
    parts = list(whole.walk())
    for part in parts:
        graph = written_graph(part.workflow, part.registry)
        yield [renamed(part, node.id) for node in part.workflow.nodes]
        yield [
            (renamed(part, edge.source), renamed(part, edge.target), edge.branches)
            for edge in graph.edges
        ]
        for node in part.workflow.nodes:
            yield list(_read_by(part, node, parts, renamed))


def _read_by(
    part: Scope, node: Any, parts: list[Scope], renamed: Callable[[Scope, str], str]
) -> Iterator[Any]:
    for _, expression, own_names in expressions_of(part, node):
        for reference in expression.references:
            found = node_path(reference.path, part.nodes)
            holder = holder_of(part, node.id, found[0]) if found is not None else None
            if found is None or holder is None or reference.path[0] in own_names:
                yield reference.path, reference.optional
            else:
                yield parts.index(holder), renamed(holder, found[0]), found[1], reference.optional


def _read(read: ReadAgain, text: str) -> Document | None:
    try:
        return read(text)
    except DefinitionRefused:
        return None
