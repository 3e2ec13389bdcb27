"""Collects what a node's expressions can read, and the data that flows to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowc.compiler.expressions import Names
from flowc.compiler.node import NOTHING
from flowc.compiler.running.run_context import View


def names_of(
    view: View,
    reads: Iterable[str],
    run: Mapping[str, str],
    secrets: Mapping[str, str],
    env: Mapping[str, Any] = NOTHING,
) -> Names:
    """Return the names that expressions can read; of other nodes, those listed in `reads`."""
    nodes = {name: {"output": view.outputs[name]} for name in reads if name in view.outputs}
    names: dict[str, Any] = {
        **view.names,
        "nodes": nodes,
        "env": env,
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
    if "env" in nodes:
        names["env"] = {**env, **nodes["env"]}
    return names


def incoming_data(
    sources: Sequence[str], view: View, *, merges: bool = False, is_of_first: bool = False
) -> Any:
    """Return the data that flows to a node: one node's output, or those of several by node id.

    A node that `merges` gets the fields of several objects in one; where names collide, the last
    one counts. Lists become one list; what is no object stays under the id of its node. A node
    without sources gets the workflow's input. If the data `is_of_first`, it is the output of the
    one that has won the race.
    """
    found = {name: view.outputs[name] for name in sources if name in view.outputs}
    if len(found) == 1 and (len(sources) == 1 or is_of_first):
        return next(iter(found.values()))
    if merges and found:
        return _merged(found)
    return found if sources else dict(view.input)


def _merged(outputs: Mapping[str, Any]) -> Any:
    """Return several outputs as one.

    >>> _merged({"a": {"x": 1}, "b": {"y": 2}, "c": "text"})
    {'x': 1, 'y': 2, 'c': 'text'}
    >>> _merged({"a": [1], "b": [2, 3]})
    [1, 2, 3]
    """
    values = list(outputs.values())
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, list) for value in values):
        return [item for value in values for item in value]
    merged: dict[str, Any] = {}
    for name, value in outputs.items():
        merged.update(value if isinstance(value, dict) else {name: value})
    return merged
