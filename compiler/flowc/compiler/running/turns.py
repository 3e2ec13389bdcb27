"""Counts the turns of loops through edges, and ends those that take too many.

The counts are among the settled edges of a run, so they are stored and restored with them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowc.compiler.node import NodeError
from flowc.compiler.planning.closings import Closing


def turns_after(
    closes: Sequence[Closing], branch: str | None, counts: Mapping[str, Any]
) -> dict[str, int | None]:
    """Return how counts change when a node takes a branch; None ends the count of an inner loop.

    `closes` are the edges out of the node that close loops.
    """
    found: dict[str, int | None] = {}
    for closing in _taken(closes, branch):
        found.update(dict.fromkeys(name for name in closing.inner if name in counts))
        found[closing.counted] = (counts.get(closing.counted) or 0) + 1
    return found


def exceeded_turns(
    closes: Sequence[Closing], branch: str | None, counts: Mapping[str, Any]
) -> NodeError | None:
    """Return the failure of a node if its branch would begin one turn too many, or None."""
    for closing in _taken(closes, branch):
        if (counts.get(closing.counted) or 0) + 1 >= closing.max_turns:
            return _too_many(closing)
    return None


def _too_many(closing: Closing) -> NodeError:
    most, edge = closing.max_turns, closing.edge
    way = " → ".join([*closing.around, edge.target])
    message = f"The loop {way} did not end within {most:,} {'turn' if most == 1 else 'turns'}."
    hint = (
        f"Leave the loop earlier, or write another `max_turns` on the edge from {edge.source!r}"
        f" to {edge.target!r}."
    )
    return NodeError("too-many-turns", message, hint=hint)


def _taken(closes: Sequence[Closing], branch: str | None) -> Iterator[Closing]:
    for closing in closes:
        if closing.edge.branches is None or branch in closing.edge.branches:
            yield closing
