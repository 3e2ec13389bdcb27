"""Checks what a node returns: plain JSON of limited size, without secrets, fitting its schema."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flowc.compiler.node import NodeError, Outcome
from flowc.compiler.reading.large_values import in_worker, is_large
from flowc.compiler.reading.plain_json import NotPlain, require_plain
from flowc.compiler.running.redaction import Redactor
from flowc.compiler.schemas.fitting import find_problems

MAX_OUTPUT_TEXT = 8_000_000
MAX_OUTPUT_VALUES = 400_000


async def plain_outcome(outcome: Outcome, redactor: Redactor) -> Outcome:
    """Return the outcome without secrets; raise NodeError unless it is plain JSON of limited size.

    >>> import asyncio
    >>> outcome = Outcome({"header": "Bearer sesame"})
    >>> asyncio.run(plain_outcome(outcome, Redactor(["sesame"]))).output
    {'header': 'Bearer [secret]'}
    """
    if is_large(outcome.output) or (outcome.variables and is_large(dict(outcome.variables))):
        return await in_worker(partial(_plain_outcome, outcome, redactor))
    return _plain_outcome(outcome, redactor)


def _plain_outcome(outcome: Outcome, redactor: Redactor) -> Outcome:
    output = redactor.json(outcome.output)
    variables = redactor.json(dict(outcome.variables)) if outcome.variables else {}
    try:
        for value in (output, variables) if variables else (output,):
            require_plain(value, max_values=MAX_OUTPUT_VALUES, max_text=MAX_OUTPUT_TEXT)
    except NotPlain as problem:
        raise NodeError("output-not-plain", f"The output cannot be stored: {problem}") from None
    return Outcome(output, outcome.branch, variables, outcome.usage)


async def require_fit(what: str, value: Any, schema: Mapping[str, Any] | None) -> None:
    """Raise NodeError unless a sub-workflow's input or output (`what`) fits its schema.

    Raises TooCostly if finding out takes too many steps.
    """
    for path, sentence in await find_problems(value, dict(schema)) if schema else ():
        where = ".".join(map(str, path)) or what
        message = f"The {what} does not fit the sub-workflow: {where}: {sentence}."
        at = ("input", *path) if what == "input" else None
        raise NodeError(f"{what}-does-not-fit", message, field=at, value=value)
