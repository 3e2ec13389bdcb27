"""Do nodes have ids that can be used, and types that exist?"""

import re
from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import RESERVED
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


def check_names(draft: Draft) -> Iterator[Problem]:
    """Yield problems of ids and types."""
    nodes = draft.workflow.nodes
    if not nodes:
        what = f"The body of {draft.container!r}" if draft.container else "The workflow"
        yield Problem("no-nodes", f"{what} has no nodes.", ())
    for word in draft.workflow.settings.max_parallel_by_type:
        yield from _check_type(draft, word, ("settings", "max_parallel_by_type", word))
    seen = _names_round(draft)
    for node in nodes:
        yield from _check_id(node, seen)
        yield from _check_type(draft, node.type, (*node.at, "type"))


def _check_type(draft: Draft, word: str, at: Pointer) -> Iterator[Problem]:
    if draft.registry.get(word) is None:
        hint = did_you_mean(word, draft.registry.words())
        message = f"There is no node type {word[:60]!r}."
        yield Problem("unknown-node-type", message, at, hint, on_key=at[-1] == word)


def _names_round(draft: Draft) -> set[str]:
    """Return the ids that a body may not use again: those of the nodes round it."""
    return _names_round(draft.outer) | set(draft.outer.nodes) if draft.outer else set()


def _check_id(node: NodeDefinition, seen: set[str]) -> Iterator[Problem]:
    at = (*node.at, "id")
    if not _ID.fullmatch(node.id):
        message = f"{node.id[:60]!r} cannot be an id."
        hint = "An id has letters, digits, _ and -, and begins with a letter."
        yield Problem("invalid-id", message, at, hint)
    elif node.id in RESERVED:
        message = f"The id {node.id!r} has a meaning in expressions already."
        yield Problem("reserved-id", message, at, f"Call it {node.id}_node, for instance.")
    if node.id in seen:
        yield Problem("duplicate-id", f"Another node is called {node.id[:60]!r}, too.", at)
    seen.add(node.id)
