"""What do nodes hand over: names, data, outcomes, failures? In a run or an exported graph."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from flowc.compiler.definition.short_schemas import problems_of
from flowc.compiler.expressions import ExpressionError, Names
from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.node.budget import BudgetExceeded
from flowc.compiler.node.interrupts import NobodyToAsk
from flowc.compiler.reading.plain_json import NotPlain, require_plain
from flowc.compiler.running.redaction import Redactor
from flowc.compiler.running.run_context import View

MAX_OUTPUT_TEXT = 8_000_000
MAX_OUTPUT_VALUES = 400_000

log = logging.getLogger(__name__)


def names_of(
    view: View, reads: Iterable[str], run: Mapping[str, str], secrets: Mapping[str, str]
) -> Names:
    """Return what expressions can read, of other nodes those that they do read."""
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
    if "input" in nodes:
        names["input"] = {**view.input, **nodes["input"]}
    return names


def incoming_data(sources: Sequence[str], view: View) -> Any:
    """Return the data that flows to a node: one node's output, or several by id."""
    if len(sources) == 1 and sources[0] in view.outputs:
        return view.outputs[sources[0]]
    found = {name: view.outputs[name] for name in sources if name in view.outputs}
    return found if sources else dict(view.input)


def plain_outcome(outcome: Outcome, redactor: Redactor) -> Outcome:
    """Return an outcome without secrets; raise NodeError if it is no plain JSON of limited size."""
    output = redactor.json(outcome.output)
    variables = redactor.json(dict(outcome.variables)) if outcome.variables else {}
    try:
        for value in (output, variables) if variables else (output,):
            require_plain(value, max_values=MAX_OUTPUT_VALUES, max_text=MAX_OUTPUT_TEXT)
    except NotPlain as problem:
        raise NodeError("output-not-plain", f"The output cannot be kept: {problem}") from None
    return Outcome(output, outcome.branch, variables, outcome.usage)


def require_fit(what: str, value: Any, schema: Mapping[str, Any] | None) -> None:
    """Hold a workflow within a node to what it declares of its input or output."""
    for path, sentence in problems_of(value, dict(schema)) if schema else ():
        where = ".".join(map(str, path)) or what
        message = f"The {what} does not fit the sub-workflow: {where}: {sentence}."
        raise NodeError(f"{what}-does-not-fit", message)


def misfit(problem: ValidationError) -> NodeError:
    """Say that filled-in values do not fit a node type; the values themselves are not told."""
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = f"The configuration is wrong once it is filled in: {where}: {first['msg']}."
    return NodeError("invalid-configuration", message)


def timed_out() -> NodeError:
    """Say that the work itself reported a timeout."""
    return NodeError("timeout", "The work timed out.", kind="timeout")


def as_node_error(problem: Exception, name: str, kind: str) -> NodeError:
    """Return what ended a node's work as a failure that may be told."""
    if isinstance(problem, NodeError):
        return problem
    if isinstance(problem, ExpressionError):
        text = str(problem)
        return NodeError("expression-failed", f"{text[:1].upper()}{text[1:]}.")
    if isinstance(problem, TimeoutError):
        return timed_out()
    if isinstance(problem, NobodyToAsk):
        return NodeError("nobody-to-ask", str(problem))
    if isinstance(problem, BudgetExceeded):
        return NodeError("budget-exceeded", str(problem))
    # What a node type did not foresee may hold anything; only its kind is shown.
    log.error("node type %s broke in node %s", kind, name, exc_info=problem)
    message = f"The node type {kind!r} broke: {type(problem).__name__}."
    return NodeError("node-broke", message)
