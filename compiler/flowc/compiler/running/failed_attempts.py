"""Remembers the failed attempts of a part, so that a resumed run does not make them again.

Example: a `try` whose body asks a person and then fails, with three attempts. The run waits for the
answer in each attempt, and each time the part begins again from its first one:

1. Attempt 1 asks, and the run waits. When it has the answer, attempt 1 continues and fails; the
   failure is stored in the part's journal. Attempt 2 asks, and the run waits.
2. The part begins again. Attempt 1 is in the journal: it fails at once, and nothing of it runs.
   Attempt 2 has its answer, and continues.

The last failure is not stored: a run that is retried makes that attempt again.
"""

from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.node.stored_failures import failure_as_json, failure_of_json
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.inside import Inside


def store_failed_attempt(
    node: PlannedNode, inside: Inside, attempt: int, problem: NodeError
) -> None:
    """Store the failure of an attempt that is not the last one."""
    if node.node_type.is_part:
        inside.record(_key(attempt), Outcome(failure_as_json(problem)))


def failed_attempt(node: PlannedNode, inside: Inside, attempt: int) -> NodeError | None:
    """Return the failure of an attempt that was made before, or None."""
    known = inside.recorded(_key(attempt)) if node.node_type.is_part else None
    if known is None:
        return None
    failure = failure_of_json(known.output)
    failure.is_remembered = True
    return failure


def _key(attempt: int) -> str:
    return f"attempt{attempt}"
