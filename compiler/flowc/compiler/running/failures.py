"""Turns what ended a node's work into a NodeError that is safe to store and show."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flowc.compiler.expressions import ExpressionError
from flowc.compiler.extras import absence
from flowc.compiler.node import NodeError
from flowc.compiler.node.budget import BudgetExceeded
from flowc.compiler.node.errors import NO_VALUE
from flowc.compiler.node.interrupts import NoOneToAsk
from flowc.compiler.reading.model_problems import path_in
from flowc.compiler.schemas.refusals import TOO_COSTLY, TooCostly

log = logging.getLogger(__name__)

# The codes of failures with a sentence of their own.
_CODES: Mapping[type[Exception], str] = {
    NoOneToAsk: "nobody-to-ask",
    BudgetExceeded: "budget-exceeded",
    TooCostly: TOO_COSTLY,
}


def misfit(problem: ValidationError, filled: Any = None) -> NodeError:
    """Return the error for computed values that do not fit the node type.

    Where the configuration as it was `filled` is known, it says which of its values does not fit.
    """
    first = problem.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = (
        f"The configuration is invalid once its values are filled in: {where}: {first['msg']}."
    )
    path = path_in(filled, first["loc"], first["type"]) if filled is not None else first["loc"]
    # The whole configuration, or what lacks a field, says nothing.
    is_at_fault = path and first["type"] != "missing"
    value = first["input"] if is_at_fault else NO_VALUE
    return NodeError("invalid-configuration", message, field=path, value=value)


def timed_out() -> NodeError:
    """Return the error for work that raised TimeoutError itself."""
    return NodeError("timeout", "The work timed out.", kind="timeout")


def as_node_error(problem: Exception, name: str, kind: str) -> NodeError:
    """Return the failure of a node called `name` whose type is `kind`."""
    if isinstance(problem, NodeError):
        return problem
    if isinstance(problem, ExpressionError):
        return NodeError("expression-failed", sentence(str(problem)))
    if isinstance(problem, TimeoutError):
        return timed_out()
    code = next((code for expected, code in _CODES.items() if isinstance(problem, expected)), None)
    if code is not None:
        return NodeError(code, str(problem))
    if isinstance(problem, ModuleNotFoundError) and (lack := absence(problem)) is not None:
        return NodeError("missing-extra", lack)
    # The text of an unexpected exception may hold anything, secrets too: it goes to the log alone.
    log.error("node type %s broke in node %s", kind, name, exc_info=problem)
    message = f"The node type {kind!r} raised an unexpected {type(problem).__name__}."
    return NodeError("node-broke", message)


def sentence(message: str) -> str:
    """Return the message of an expression as a sentence.

    >>> sentence("division by zero")
    'Division by zero.'
    """
    return f"{message[:1].upper()}{message[1:]}."
