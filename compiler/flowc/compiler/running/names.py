"""Collects what a node's expressions can read, and the data that flows to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowc.compiler.expressions import Names
from flowc.compiler.running.run_context import View


def names_of(
    view: View, reads: Iterable[str], run: Mapping[str, str], secrets: Mapping[str, str]
) -> Names:
    """Return the names that expressions can read; of other nodes, those listed in `reads`."""
    nodes = {name: {"output": view.outputs[name]} for name in reads if name in view.outputs}
    names: dict[str, Any] = {
        **view.names,
        "nodes": nodes,
        **nodes,
        "input": view.input,
        "variables": dict(view.variables),
        "run": run,
        "secrets": secrets,
    }
    if "error" in view.outputs:
        names["error"] = view.outputs["error"]
    # A node may be called `input`: then `input.output` is its output, and `input.x` still works.
    if "input" in nodes:
        names["input"] = {**view.input, **nodes["input"]}
    return names


def incoming_data(sources: Sequence[str], view: View, *, is_of_first: bool = False) -> Any:
    """Return the data that flows to a node: one node's output, or those of several by node id.

    A node without sources gets the workflow's input. If the data `is_of_first`, it is the output of
    the one that has won the race.
    """
    found = {name: view.outputs[name] for name in sources if name in view.outputs}
    if len(found) == 1 and (len(sources) == 1 or is_of_first):
        return next(iter(found.values()))
    return found if sources else dict(view.input)
