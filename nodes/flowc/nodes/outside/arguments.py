"""Checks the arguments of a call against their schema: what is known of them, and then all."""

from typing import Any

from flowc.compiler.definition.short_schemas import Schema, TooCostly, find_problems, problems_of
from flowc.compiler.expressions import has_expressions
from flowc.compiler.node import NodeError
from flowc.compiler.schemas.fitting import QUICK_STEPS


def require_known_fit(arguments: dict[str, Any], schema: Schema) -> None:
    """Raise ValueError if arguments do not fit, other than those that templates compute."""
    try:
        found = problems_of(arguments, schema, QUICK_STEPS)
    except TooCostly:
        # This may be on an event loop: before the call they are all checked, however long it takes.
        return
    for path, sentence in found:
        if not _is_computed(arguments, path):
            raise ValueError(misfit(path, sentence))


async def require_fit(arguments: dict[str, Any], schema: Schema) -> None:
    """Raise NodeError if arguments do not fit."""
    for path, sentence in await find_problems(arguments, schema):
        message, at = f"{misfit(path, sentence)}.", ("arguments", *path)
        raise NodeError("arguments-do-not-fit", message, field=at, value=arguments)


def misfit(path: tuple[str | int, ...], sentence: str) -> str:
    """Return what is wrong with a value, and where in it.

    >>> misfit(("items", 0), "It must be text"), misfit((), "There is no 'id'")
    ('items.0: It must be text', "There is no 'id'")
    """
    where = ".".join(map(str, path))
    return f"{where}: {sentence}" if where else sentence


def _is_computed(arguments: Any, path: tuple[str | int, ...]) -> bool:
    """Return whether the value at a path is a template, and so not known before a run."""
    value = arguments
    for step in path:
        value = value[step]
    return isinstance(value, str) and has_expressions(value)
