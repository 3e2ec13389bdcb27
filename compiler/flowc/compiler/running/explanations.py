"""Explains a failure of a node: its place in the definition, the reference, and the value.

All that comes from here is safe to store and show: a secret is masked before a value is shortened,
and a value that is made from secrets is not shown at all.
"""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flowc.compiler.diagnostics import Pointer, pointer_text
from flowc.compiler.expressions import ExpressionError, diagnose, reads_secrets, shortened
from flowc.compiler.node import BodyFailed, NodeError
from flowc.compiler.node.errors import NO_VALUE, Evidence
from flowc.compiler.running.event_data import NodeFailedData
from flowc.compiler.running.failures import as_node_error, sentence
from flowc.compiler.running.redaction import Redactor
from flowc.compiler.running.run_context import NodeFailed

# Exported graphs run without these.
if TYPE_CHECKING:
    from flowc.compiler.analysis.configuration import Slot
    from flowc.compiler.planning.plan import PlannedNode

MAX_REFERENCE, MAX_HINT = 100, 400
SecretHint = Callable[[str], str | None]


def explained(
    problem: Exception,
    name: str,
    kind: str,
    redactor: Redactor,
    secret_hint: SecretHint,
    node: "PlannedNode | None" = None,
    *,
    reads_any_secret: bool = False,
) -> NodeError:
    """Return the failure of a node called `name` whose type is `kind`, with its evidence.

    Its place is known only with the planned node, and which of its values are made from secrets:
    without it, none is shown if the node `reads_any_secret`.
    """
    error = as_node_error(problem, name, kind)
    if isinstance(error, BodyFailed):
        about = error.node_id, error.attempt, error.at, error.evidence
        same = BodyFailed(error.code, redactor.text(error.message), *about)
        return same.having_left(error.left)
    if isinstance(problem, ExpressionError):
        return _of_expression(problem, redactor, secret_hint, node)
    return _of_error(error, redactor, node, reads_any_secret)


def node_failed(error: NodeError, node: "PlannedNode", attempts: int) -> NodeFailed:
    """Return what a run fails with: the author looks for the node in the body, not around it."""
    at = _place_of(error, node)
    if isinstance(error, BodyFailed):
        about = error.node_id, error.attempt, at, error.evidence
        failed = NodeFailed(error.code, error.message, *about)
        # What the body of a part has left is for the node that the part belongs to.
        failed.left = error.left if node.node_type.is_part else None
        return failed
    return NodeFailed(error.code, error.message, node.id, attempts, at, error.evidence)


def failure_data(
    error: NodeError, node: "PlannedNode", attempts: int, duration_ms: float
) -> NodeFailedData:
    """Return the data of `node.failed`."""
    data: NodeFailedData = {
        "code": error.code,
        "message": error.message,
        "duration_ms": duration_ms,
        "attempts": attempts,
        "at": {"pointer": pointer_text(_place_of(error, node))},
    }
    reference, value, hint = error.evidence[1:4]
    if reference is not None:
        data["reference"] = reference
    if value is not None:
        data["value"] = value
    if hint is not None:
        data["hint"] = hint
    return data


def _place_of(error: NodeError, node: "PlannedNode") -> Pointer:
    return error.at if isinstance(error, BodyFailed) else error.evidence.at or node.definition.at


def _of_expression(
    problem: ExpressionError,
    redactor: Redactor,
    secret_hint: SecretHint,
    node: "PlannedNode | None",
) -> NodeError:
    found = diagnose(problem, redactor.json)
    slots = node.configuration.uses() if node is not None else ()
    slot = next((slot for slot in slots if slot.expression is problem.expression), None)
    code, message, hint = "expression-failed", sentence(found.message), found.hint
    if found.secret is not None:
        code, message = "secret-missing", f"The secret {found.secret[:60]!r} is not set."
        hint = secret_hint(found.secret)
    source = problem.expression.source if problem.expression is not None else None
    reference = found.reference or (_bare(source) if source is not None else None)
    error = NodeError(code, redactor.text(message))
    error.evidence = Evidence(
        slot.at if slot is not None else None, reference, found.value, _hint(hint, redactor)
    )
    return error


def _of_error(
    error: NodeError, redactor: Redactor, node: "PlannedNode | None", reads_any_secret: bool
) -> NodeError:
    path = (error.field,) if isinstance(error.field, str) else error.field or ()
    slot = _slot_at(path, node)
    message, value = error.message, None
    is_secret = reads_any_secret if node is None else _may_hold_secrets(path, node)
    if error.value is not NO_VALUE and not is_secret:
        value = shortened(redactor.json(error.value))
        source = f", from {_cut(slot.source)!r}" if slot is not None else ""
        message = f"{message} The value was {value}{source}."
    message = redactor.text(message)
    found = NodeError(error.code, message, kind=error.kind, retry_after=error.retry_after)
    found.details = redactor.json(dict(error.details)) if error.details else error.details
    reference = _bare(slot.source) if slot is not None else None
    at, hint = _at(path, slot, node), _hint(error.hint, redactor)
    found.evidence = Evidence(at, reference, value, hint, error.kind, found.details)
    return found


def _slot_at(path: Pointer, node: "PlannedNode | None") -> "Slot | None":
    """Return the computed value at a path in the configuration, or the one that it is in."""
    if node is None:
        return None
    around = [slot for slot in node.configuration.slots if path[: len(slot.path)] == slot.path]
    return max(around, key=lambda slot: len(slot.path), default=None)


def _may_hold_secrets(path: Pointer, node: "PlannedNode") -> bool:
    """Return whether the value at a path in the configuration, or one inside, is from a secret."""
    slots = node.configuration.slots if path else ()
    related = [slot for slot in slots if all(map(operator.eq, slot.path, path))]
    return any(reads_secrets(slot.expression) for slot in related)


def _at(path: Pointer, slot: "Slot | None", node: "PlannedNode | None") -> Pointer | None:
    """Return the place of a path in the configuration, as far as the author has written it."""
    if slot is not None or node is None:
        return slot.at if slot is not None else None
    inside: Any = node.definition.config
    known = 0
    for key in path:
        try:
            inside = inside[key]
        except (LookupError, TypeError):
            break
        known += 1
    return node.definition.config_at(*path[:known]) if known else node.definition.at


def _bare(source: str) -> str:
    """Return a lone expression without its braces, and others as they are.

    >>> _bare("{{ input.n }}"), _bare("n={{input.n}}")
    ('input.n', 'n={{input.n}}')
    """
    text = source.strip()
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        text = text[2:-2].strip()
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_REFERENCE else f"{text[: MAX_REFERENCE - 1]}…"


def _hint(hint: str | None, redactor: Redactor) -> str | None:
    return redactor.text(hint)[:MAX_HINT] if hint is not None else None
