"""Checks that nodes have usable, unique ids and existing types."""

from collections.abc import Iterator

from flowc.compiler.analysis.references import id_problem
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean, instead, nearest
from flowc.compiler.reading.familiar import familiar_words
from flowc.compiler.reading.foreign_names import type_here


def check_names(scope: Scope) -> Iterator[Problem]:
    """Yield problems of ids and types."""
    nodes = scope.workflow.nodes
    if not nodes:
        what = f"The {_body_of(scope)}" if scope.container else "The workflow"
        yield Problem("no-nodes", f"{what} has no nodes.", ())
    for word in scope.workflow.settings.max_parallel_by_type:
        yield from _check_type(scope, word, ("settings", "max_parallel_by_type", word))
    seen = _outer_ids(scope)
    if scope.outer is not None and scope.outer.types[scope.container].parts:
        # No author writes the parts of a node.
        return
    for node in nodes:
        yield from _check_id(node, seen)
        yield from _check_type(scope, node.type, (*node.at, "type"))


def _body_of(scope: Scope) -> str:
    """Return a body in the author's words: `catch` of the node that has several."""
    outer, container = scope.outer, scope.container
    if outer is not None and outer.types[container].is_part:
        return f"{outer.types[container].body_field!r} of {outer.container!r}"
    return f"body of {container!r}"


def _check_type(scope: Scope, word: str, at: Pointer) -> Iterator[Problem]:
    kind = scope.registry.get(word)
    if kind is None or kind.is_part:
        native = scope.registry.words()
        known = [*native, *familiar_words(scope.registry)]
        meant = type_here(word, native) or nearest(word, known)
        hint = did_you_mean(meant or word, known)
        message = f"There is no node type {word[:60]!r}."
        on_key = at[-1] == word
        fix = instead(at, meant, on_key)
        yield Problem("unknown-node-type", message, at, hint, on_key=on_key, replacements=fix)


def _outer_ids(scope: Scope) -> set[str]:
    """Return the ids that a body may not use again: those of the nodes around it."""
    return _outer_ids(scope.outer) | set(scope.outer.nodes) if scope.outer else set()


def _check_id(node: NodeDefinition, seen: set[str]) -> Iterator[Problem]:
    at = (*node.at, "id")
    problem = id_problem(node.id, at)
    if problem is not None:
        yield problem
    if node.id in seen:
        message = f"Another node already has the id {node.id[:60]!r}."
        hint = f"Use another id, such as {_free_id(node.id, seen)}."
        yield Problem("duplicate-id", message, at, hint)
    seen.add(node.id)


def _free_id(id: str, taken: set[str]) -> str:
    number = next(n for n in range(2, len(taken) + 3) if f"{id}_{n}" not in taken)
    return f"{id}_{number}"[:60]
