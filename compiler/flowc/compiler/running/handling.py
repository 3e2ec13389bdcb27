"""How a workflow continues after one of its nodes has failed."""

from flowc.compiler.analysis.graph import ERROR
from flowc.compiler.definition import GoOn, GoTo
from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.node.errors import error_as_json
from flowc.compiler.planning.plan import PlannedNode


def handled_failure(node: PlannedNode, error: NodeError, attempts: int) -> Outcome | None:
    """Return the outcome with which the workflow continues after this failure, or None."""
    policy = node.definition.on_error
    if policy == "fail":
        return None
    about = error_as_json(error, node.id, attempts)
    if isinstance(policy, GoTo):
        return Outcome(None, branch=ERROR, error=about)
    output = policy.output if isinstance(policy, GoOn) else None
    return Outcome(output, error=about)
