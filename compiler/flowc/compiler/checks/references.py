"""Checks that every reference names something that exists whenever it is read."""

from collections.abc import Callable, Iterator, Mapping

from flowc.compiler.analysis.flow import Flow
from flowc.compiler.analysis.references import (
    INNER_NAMES,
    NAMES,
    Use,
    name_in_path,
    node_path,
    uses_in,
)
from flowc.compiler.analysis.run_conditions import Term, counterexample
from flowc.compiler.analysis.scopes import Scope
from flowc.compiler.definition import ToolDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean, nearest
from flowc.compiler.reading.foreign_names import name_here


def check_references(flow: Flow) -> Iterator[Problem]:
    """Yield the references that name nothing, or something that may have no value."""
    for name, configuration in flow.scope.configurations.items():
        for use in uses_in(configuration):
            yield from _check_use(flow, name, use)


def _check_use(flow: Flow, reader: str, use: Use) -> Iterator[Problem]:
    found = node_path(use.reference.path, flow.scope.nodes)
    if found is None:
        yield from _check_name(flow, reader, use)
        return
    name, path = found
    body = flow.scope.bodies.get(reader)
    if body is not None and name in body.nodes:
        # A container reads its own body, as in `until`, after each turn.
        if path and path[0] != "output":
            yield _not_the_output(use, name, path, use.slot.at)
        return
    holder = flow.holder_of(name) if name not in flow.scope.nodes else None
    yield from _check_node(*(holder or (flow, reader)), use, *found, at=use.slot.at)


def _check_node(
    flow: Flow, reader: str, use: Use, name: str, path: tuple[str | int, ...], *, at: Pointer
) -> Iterator[Problem]:
    if name not in flow.scope.nodes:
        refers = f"{use.text!r} refers to {name[:60]!r}"
        message = f"{refers}, which is neither a node id nor a built-in name."
        inner = flow.scope.inner_names | use.slot.own_names
        body = flow.scope.bodies.get(reader)
        nodes = [*flow.scope.nodes, *(body.nodes if body else ())]
        known = [*nodes, *NAMES - {"nodes"}, *sorted(inner)]
        foreign = name_here((name, *path))
        near = nearest(name, known) if foreign is None else None
        problem = Problem("unknown-reference", message, at, foreign or did_you_mean(name, known))
        step = _name_step(use)
        new = near if near is None or step else name_in_path(near)
        yield use.about(problem, step, new)
    elif flow.scope.workflow.samples:
        return
    elif path and path[0] != "output":
        yield _not_the_output(use, name, path, at)
    else:
        yield from _check_order(flow, reader, use, name, at)


def _not_the_output(use: Use, name: str, path: tuple[str | int, ...], at: Pointer) -> Problem:
    message = f"{use.text!r} reads {path[0]!r} of {name!r}; a node only has an `output`."
    rest = ".".join(str(part) for part in path)
    hint = f"Did you mean {name}.output.{rest}?"
    step = len(use.reference.path) - len(path)
    return use.about(Problem("unknown-reference", message, at, hint), step, f"output.{path[0]}")


def _check_order(flow: Flow, reader: str, use: Use, name: str, at: Pointer) -> Iterator[Problem]:
    if flow.scope.nodes[reader].disabled:
        return
    if flow.scope.nodes[name].disabled:
        if not use.reference.optional:
            message = f"{use.text!r} has no value: node {name!r} is disabled."
            hint = "Use default(...), or enable the node."
            yield use.about(Problem("disabled-node-read", message, at, hint), _name_step(use))
        return
    if not flow.ancestors.precede(name, reader):
        message = f"{use.text!r} is read by {reader!r}, but no path leads there from {name!r}."
        hint = f"Add an edge from {name!r}, directly or through other nodes."
        yield use.about(Problem("not-upstream", message, at, hint), _name_step(use))
        return
    if use.reference.optional:
        return
    reason = _why_undefined(flow, reader, use, name)
    if reason is not None:
        hint = "Use default(...) or `is defined`, or make every path lead through that node."
        yield use.about(Problem("maybe-undefined", reason, at, hint), _name_step(use))


def _why_undefined(flow: Flow, reader: str, use: Use, name: str) -> str | None:
    """Return why an output may not exist when it is read, as a sentence; None if it does."""
    if not flow.ancestors.precede(name, reader, forward_only=True):
        return f"{use.text!r} has no value yet when {reader!r} runs for the first time."
    race = flow.race_before(name, reader)
    if race is not None:
        return f"{use.text!r} may have no value: {race!r} is decided without waiting for {name!r}."
    runs, leaves = flow.conditions.get(reader), flow.leaves_output(name)
    without = counterexample(runs, leaves, flow.branches)
    if without is None:
        return None
    return f"{use.text!r} may have no value: {reader!r} also runs without it{_when(without)}."


def _name_step(use: Use) -> int:
    """Return which name of a reference's path is the node's."""
    return int(use.reference.path[0] == "nodes")


def _when(term: Term) -> str:
    choices = [f"{node!r} chooses {branch!r}" for node, branch in sorted(term)]
    return f" when {' and '.join(choices[:3])}" if choices else ""


def _check_name(flow: Flow, name: str, use: Use) -> Iterator[Problem]:
    root, *rest = use.reference.path
    at = use.slot.at
    if root in flow.scope.inner_names:
        if root == "arguments" and rest:
            yield from _check_argument(_tool_around(flow.scope, name), use, str(rest[0]))
        return
    if root in INNER_NAMES:
        message = f"{str(root)!r} is not available here."
        yield use.about(Problem("unknown-reference", message, at), 0)
    elif root == "secrets" and not use.slot.secrets_allowed:
        message = f"{use.text!r} is not allowed here: the secret would be stored or shown."
        hint = "Use secrets where a request is authenticated, such as the headers of an http node."
        yield use.about(Problem("secret-not-allowed", message, at, hint), 0)
    elif root in _DECLARED and rest and (root == "env" or not use.reference.optional):
        what, names = _DECLARED[str(root)]
        known = names(flow.scope.whole)
        if known is not None and rest[0] not in known:
            message = f"{use.text!r} is not {what} of this workflow."
            near, meant = nearest(str(rest[0]), known), did_you_mean(str(rest[0]), known)
            problem = Problem(f"unknown-{what.split()[1]}", message, at, meant)
            yield use.about(problem, 1, name_in_path(near) if near is not None else None)


def _tool_around(scope: Scope, name: str) -> ToolDefinition | None:
    """Return the tool that a node is, or whose body it is in."""
    node = scope.nodes[name]
    if isinstance(node, ToolDefinition) or scope.outer is None:
        return node if isinstance(node, ToolDefinition) else None
    return _tool_around(scope.outer, scope.container)


def _check_argument(tool: ToolDefinition | None, use: Use, name: str) -> Iterator[Problem]:
    declared = tool.parameters if tool is not None else None
    if tool is None or declared is None or use.reference.optional:
        return
    known = declared.get("properties")
    if known is not None and name not in known and not declared.get("additionalProperties"):
        message = f"{use.text!r} is not an argument of the tool {tool.id!r}."
        near = nearest(name, known)
        problem = Problem("unknown-argument", message, use.slot.at, did_you_mean(name, known))
        yield use.about(problem, 1, name_in_path(near) if near is not None else None)


def _inputs(whole: Scope) -> set[str] | None:
    """Return the declared inputs; None where any input is accepted."""
    schema = whole.workflow.input
    if schema is None or "properties" not in schema or schema.get("additionalProperties"):
        return None
    return set(schema["properties"])


def _variables(whole: Scope) -> set[str]:
    """Return the variables that the workflow declares, or that any of its nodes sets."""
    return set(whole.workflow.variables).union(*(whole.writes(name) for name in whole.nodes))


# What is declared in the head of a workflow, with its names if only those are allowed.
_DECLARED: Mapping[str, tuple[str, Callable[[Scope], set[str] | None]]] = {
    "input": ("an input", _inputs),
    "variables": ("a variable", _variables),
    "env": ("an environment value", lambda whole: set(whole.workflow.env)),
}
