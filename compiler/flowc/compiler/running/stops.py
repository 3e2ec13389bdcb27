"""Stops a run before a node that has a breakpoint, and describes what stops it."""

from functools import partial
from typing import Any

from flowc.compiler.expressions import ExpressionError, compile_condition, diagnose, evaluated
from flowc.compiler.node.interrupts import Ask, Interrupt
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.event_data import AwaitedData
from flowc.compiler.running.names import names_of
from flowc.compiler.running.run_context import RunContext, View


async def stop_before(
    breakpoints: Breakpoints, node_id: str, view: View, run: RunContext
) -> Ask | None:
    """Return what a run that stops before this node shows; None if a condition is not true.

    It also stops if the condition has no value, and says why.
    """
    data: dict[str, Any] = {"names": dict(view.names)}
    condition = breakpoints.condition(view.path, node_id)
    if condition is not None:
        data["condition"] = condition
        about_run = {"id": run.run_id, "workflow": run.workflow_id}
        names = names_of(view, view.outputs, about_run, {})
        try:
            if not await evaluated(partial(compile_condition(condition).evaluate, names)):
                return None
        except ExpressionError as problem:
            data["problem"] = diagnose(problem, lambda value: value).message
    return Ask("breakpoint", data)


def awaited_data(interrupt: Interrupt) -> AwaitedData:
    """Return what a node waits for, as the data of its event."""
    id, node_id, path, (kind, data, seconds, _) = interrupt
    return AwaitedData(
        id=id, node_id=node_id, path=path, kind=kind, data=dict(data), seconds=seconds
    )
