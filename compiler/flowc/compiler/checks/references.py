"""Does every reference name something that is there by the time it is read?"""

from collections.abc import Iterator

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import INNER_NAMES, NAMES, Use, node_path, uses_in
from flowc.compiler.analysis.run_conditions import Term, counterexample
from flowc.compiler.definition import ToolDefinition
from flowc.compiler.diagnostics import Pointer, Problem, did_you_mean


def check_references(draft: Draft) -> Iterator[Problem]:
    """Yield the references that name nothing, or something that may not be there."""
    for name, configuration in draft.configurations.items():
        for use in uses_in(configuration):
            at = use.slot.at
            found = node_path(use.reference.path, draft.nodes)
            holder = draft.holder_of(found[0]) if found and found[0] not in draft.nodes else None
            body = draft.bodies.get(name)
            if found is not None and body is not None and found[0] in body.nodes:
                # What a node asks of its own body, turn by turn, is there once a turn is over.
                continue
            if found is not None and holder is not None:
                yield from _check_node(*holder, use, *found, at=at)
            elif found is not None:
                yield from _check_node(draft, name, use, *found, at=at)
            else:
                yield from _check_name(draft, name, use)


def _check_node(
    draft: Draft, reader: str, use: Use, name: str, path: tuple[str | int, ...], *, at: Pointer
) -> Iterator[Problem]:
    if name not in draft.nodes:
        message = f"{use.text!r} refers to {name[:60]!r}, which is neither a node nor a name."
        hint = did_you_mean(name, [*draft.nodes, *NAMES - {"nodes"}])
        yield Problem("unknown-reference", message, at, hint)
    elif draft.workflow.samples:
        return
    elif path and path[0] != "output":
        message = f"{use.text!r} reads {path[0]!r} of {name!r}; what a node has is its `output`."
        rest = ".".join(str(part) for part in path)
        yield Problem("unknown-reference", message, at, f"Did you mean {name}.output.{rest}?")
    else:
        yield from _check_order(draft, reader, use, name, at)


def _check_order(draft: Draft, reader: str, use: Use, name: str, at: Pointer) -> Iterator[Problem]:
    if draft.nodes[reader].disabled:
        return
    if draft.nodes[name].disabled:
        if not use.reference.optional:
            message = f"{use.text!r} is never there: {name!r} is disabled."
            yield Problem("disabled-node-read", message, at, "Use default(...), or enable it.")
        return
    if not draft.ancestors.precede(name, reader):
        message = f"{use.text!r} is read by {reader!r}, but no way leads from {name!r} to it."
        hint = f"Add an edge from {name!r}, directly or by way of others."
        yield Problem("not-upstream", message, at, hint)
        return
    if use.reference.optional:
        return
    hint = "Use default(...) or `is defined`, or let the edges lead through it on every path."
    if not draft.ancestors.precede(name, reader, forward_only=True):
        message = f"{use.text!r} is not there yet when {reader!r} runs for the first time."
        yield Problem("maybe-undefined", message, at, hint)
        return
    runs, given = draft.conditions.get(reader), draft.gives_output(name)
    without = counterexample(runs, given, draft.branches)
    if without is not None:
        message = f"{use.text!r} may not be there: {reader!r} runs without it{_when(without)}."
        yield Problem("maybe-undefined", message, at, hint)


def _when(term: Term) -> str:
    choices = [f"{node!r} chooses {branch!r}" for node, branch in sorted(term)]
    return f" when {' and '.join(choices[:3])}" if choices else ""


def _check_name(draft: Draft, name: str, use: Use) -> Iterator[Problem]:
    root, *rest = use.reference.path
    at = use.slot.at
    if root in draft.inner_names:
        if root == "arguments" and rest:
            yield from _check_argument(_tool_round(draft, name), use, str(rest[0]))
        return
    if root in INNER_NAMES:
        message = f"{str(root)!r} has no meaning here."
        yield Problem("unknown-reference", message, at)
    elif root == "secrets" and not use.slot.secrets_allowed:
        message = f"{use.text!r} may not stand here: a secret would be kept or shown."
        hint = "Secrets are for what authenticates a request, such as the headers of an http node."
        yield Problem("secret-not-allowed", message, at, hint)
    elif root in {"input", "variables"} and rest and not use.reference.optional:
        known = _declared_inputs(draft) if root == "input" else _variables(draft)
        if known is not None and rest[0] not in known:
            what = "an input" if root == "input" else "a variable"
            message = f"{use.text!r} is not {what} of this workflow."
            yield Problem(
                f"unknown-{what.split()[1]}", message, at, did_you_mean(str(rest[0]), known)
            )


def _tool_round(draft: Draft, name: str) -> ToolDefinition | None:
    """Return the tool that a node is, or is in the body of."""
    node = draft.nodes[name]
    if isinstance(node, ToolDefinition) or draft.outer is None:
        return node if isinstance(node, ToolDefinition) else None
    return _tool_round(draft.outer, draft.container)


def _check_argument(tool: ToolDefinition | None, use: Use, name: str) -> Iterator[Problem]:
    declared = tool.parameters if tool is not None else None
    if tool is None or declared is None or use.reference.optional:
        return
    known = declared.get("properties")
    if known is not None and name not in known and not declared.get("additionalProperties"):
        message = f"{use.text!r} is no argument of the tool {tool.id!r}."
        hint = did_you_mean(name, known)
        yield Problem("unknown-argument", message, use.slot.at, hint)


def _declared_inputs(draft: Draft) -> set[str] | None:
    """Return the declared inputs; None where any are welcome."""
    schema = draft.whole.workflow.input
    if schema is None or "properties" not in schema or schema.get("additionalProperties"):
        return None
    return set(schema["properties"])


def _variables(draft: Draft) -> set[str]:
    """Return the variables that the workflow declares, or that any of its nodes sets."""
    whole = draft.whole
    return set(whole.workflow.variables).union(*(whole.writes(name) for name in whole.nodes))
