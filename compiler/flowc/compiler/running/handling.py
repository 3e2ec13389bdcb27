"""How a workflow continues after one of its nodes has failed."""

from flowc.compiler.analysis.graph import ERROR
from flowc.compiler.definition import GoOn, GoTo
from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.failures import failure_details


def handled_failure(node: PlannedNode, error: NodeError, attempts: int) -> Outcome | None:
    """Return the outcome with which the workflow continues after this failure, or None."""
    policy = node.definition.on_error
    if policy == "fail":
        return None
    details = failure_details(node.id, error, attempts)
    if isinstance(policy, GoTo):
        return Outcome(None, branch=ERROR, error=details)
    output = policy.output if isinstance(policy, GoOn) else None
    return Outcome(output, error=details)
