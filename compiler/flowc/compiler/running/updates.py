"""What a node that has run changes in the state of its run, and which branch it chose."""

from typing import Any

from flowc.compiler.analysis.graph import DONE, ERROR
from flowc.compiler.node import Outcome
from flowc.compiler.planning.plan import PlannedNode


def outputs_after(node: PlannedNode, outcome: Outcome) -> dict[str, Any]:
    """Return what a node adds to the outputs: its own, unless another node handles its failure.

    The last error that was handled is among them as `error`, which cannot be the id of a node.
    """
    error = {"error": dict(outcome.error)} if outcome.error is not None else {}
    return error if outcome.branch == ERROR and error else {node.id: outcome.output, **error}


def update_after(node: PlannedNode, outcome: Outcome) -> dict[str, Any]:
    """Return what a node changes in the state of a run, except for its edges."""
    update: dict[str, Any] = {"outputs": outputs_after(node, outcome)}
    return {**update, "variables": dict(outcome.variables)} if outcome.variables else update


def branch_after(node: PlannedNode, outcome: Outcome) -> str | None:
    """Return the branch that a node chose; with an edge for failures, success is a branch, too."""
    if outcome.branch is None and node.definition.error_target is not None:
        return DONE
    return outcome.branch
