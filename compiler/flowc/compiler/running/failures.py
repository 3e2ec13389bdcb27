"""Turns what ended a node's work into a NodeError that is safe to store and show."""

import logging
from collections.abc import Mapping

from pydantic import ValidationError

from flowc.compiler.expressions import ExpressionError
from flowc.compiler.node import NodeError
from flowc.compiler.node.budget import BudgetExceeded
from flowc.compiler.node.interrupts import NoOneToAsk
from flowc.compiler.schemas.refusals import TOO_COSTLY, TooCostly

log = logging.getLogger(__name__)

# The codes of failures with a sentence of their own.
_CODES: Mapping[type[Exception], str] = {
    NoOneToAsk: "nobody-to-ask",
    BudgetExceeded: "budget-exceeded",
    TooCostly: TOO_COSTLY,
}


def misfit(problem: ValidationError) -> NodeError:
    """Return the error for computed values that do not fit the node type.

    It names the field and the reason, and not the value, which may be confidential.
    """
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = (
        f"The configuration is invalid once its values are filled in: {where}: {first['msg']}."
    )
    return NodeError("invalid-configuration", message)


def timed_out() -> NodeError:
    """Return the error for work that raised TimeoutError itself."""
    return NodeError("timeout", "The work timed out.", kind="timeout")


def as_node_error(problem: Exception, name: str, kind: str) -> NodeError:
    """Return the failure of a node called `name` whose type is `kind`."""
    if isinstance(problem, NodeError):
        return problem
    if isinstance(problem, ExpressionError):
        text = str(problem)
        return NodeError("expression-failed", f"{text[:1].upper()}{text[1:]}.")
    if isinstance(problem, TimeoutError):
        return timed_out()
    code = next((code for expected, code in _CODES.items() if isinstance(problem, expected)), None)
    if code is not None:
        return NodeError(code, str(problem))
    # The text of an unexpected exception may hold anything, secrets too: it goes to the log alone.
    log.error("node type %s broke in node %s", kind, name, exc_info=problem)
    message = f"The node type {kind!r} raised an unexpected {type(problem).__name__}."
    return NodeError("node-broke", message)
