"""How a workflow continues after one of its nodes has failed."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.analysis.graph import ERROR
from flowc.compiler.definition import GoOn, GoTo
from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.node.errors import Evidence, error_as_json
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.turns import exceeded_turns
from flowc.compiler.running.updates import branch_after


def handled_failure(
    node: PlannedNode, error: NodeError, attempts: int, edges: Mapping[str, Any]
) -> tuple[NodeError, Outcome | None]:
    """Return a failure, and the outcome with which the workflow continues after it, if it does.

    If that would begin one turn too many of a loop, the failure is that one.
    """
    outcome = _outcome(node, error, attempts)
    if outcome is None:
        return error, None
    try:
        require_turns(node, outcome, edges)
    except NodeError as excess:
        last = f"{excess.message} The last failure was: {error.message}"
        found = NodeError(excess.code, last)
        found.evidence = Evidence(None, *error.evidence[1:3], excess.hint)
        return found, None
    return error, outcome


def require_turns(node: PlannedNode, outcome: Outcome, edges: Mapping[str, Any]) -> None:
    """Raise NodeError if a node would begin one turn too many of a loop that it closes."""
    if node.closes:
        excess = exceeded_turns(node.closes, branch_after(node, outcome), edges)
        if excess is not None:
            raise excess


def _outcome(node: PlannedNode, error: NodeError, attempts: int) -> Outcome | None:
    policy = node.definition.on_error
    if policy == "fail":
        return None
    about = error_as_json(error, node.id, attempts)
    if isinstance(policy, GoTo):
        return Outcome(None, branch=ERROR, error=about)
    output = policy.output if isinstance(policy, GoOn) else None
    return Outcome(output, error=about)
