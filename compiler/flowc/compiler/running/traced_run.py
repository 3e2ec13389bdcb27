"""Runs one node within its span, if its run is traced."""

from collections.abc import Coroutine
from typing import Any

from flowc.compiler.node import Outcome
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.inside import NOTHING_INSIDE, Inside
from flowc.compiler.running.node_run import execute
from flowc.compiler.running.node_spans import NodeTracer
from flowc.compiler.running.run_context import RunContext, View


def run_node(
    node: PlannedNode,
    view: View,
    run: RunContext,
    turn: int = 0,
    inside: Inside = NOTHING_INSIDE,
) -> Coroutine[Any, Any, Outcome]:
    """Run a node to its end, as `execute` does."""
    work = execute(node, view, run, turn, inside)
    return work if run.tracer is None else _traced(run.tracer, node, view, work)


async def _traced(
    tracer: NodeTracer, node: PlannedNode, view: View, work: Coroutine[Any, Any, Outcome]
) -> Outcome:
    with tracer.node(node, view.path, view.names):
        return await work
