"""Finds out why values do not fit their schemas, within a budget, and without blocking a loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Any

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.schemas.applicators import APPLICATORS, LAST
from flowc.compiler.schemas.assertions import ASSERTIONS
from flowc.compiler.schemas.evaluation import Misfit, SchemaEvaluation
from flowc.compiler.schemas.json_values import shown
from flowc.compiler.schemas.refusals import BadSchema, TooCostly
from flowc.compiler.schemas.steps import StepBudget

Schema = dict[str, Any]
Misfits = list[tuple[Pointer, str]]

# Steps that a validation may take, and those that it may take on the event loop.
MOST_STEPS = 3_000_000
QUICK_STEPS = 10_000
# Misfits that are reported: the first by their paths of those that are looked for.
_MOST_REPORTED, _MOST_FOUND = 20, 100
_MOST_CHARACTERS = 300
# Values that take long are held against their schemas a few at a time, in threads of their own:
# those of the store stay free, and the event loop seldom waits for Python's lock.
_THREADS = 2
_KEYWORDS = {**ASSERTIONS, **APPLICATORS}


def problems_of(value: Any, schema: Schema, most_steps: int = MOST_STEPS) -> Misfits:
    """Return the path and the reason of each misfit, at most 20.

    Raises TooCostly if that takes too many steps, and BadSchema for a schema that is not sound. On
    an event loop, await `find_problems` instead.

    >>> problems_of({"n": "one"}, {"properties": {"n": {"type": "number"}}})
    [(('n',), "'one' is not of type 'number'")]
    """
    return _problems(value, schema, StepBudget(most_steps))


async def find_problems(value: Any, schema: Schema) -> Misfits:
    """Return what `problems_of` does; if that takes long, it is done in a thread."""
    try:
        return problems_of(value, schema, QUICK_STEPS)
    except TooCostly:
        budget = StepBudget(MOST_STEPS)
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads(), _problems, value, schema, budget)
    except asyncio.CancelledError:
        budget.stop()
        raise


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="flowc-schemas")


def _problems(value: Any, schema: Schema, budget: StepBudget) -> Misfits:
    evaluation = SchemaEvaluation(schema, budget, _KEYWORDS, LAST)
    try:
        found = list(islice(evaluation.misfits(value, schema), _MOST_FOUND))
    except RecursionError:
        # The schema refers to itself again and again for the same value, or that is too deep.
        raise TooCostly(TooCostly.__doc__) from None
    except (BadSchema, TooCostly):
        raise
    except (TypeError, AttributeError, KeyError, ValueError) as problem:
        # Schemas of services may not have been looked at before.
        what = shown(str(problem))
        raise BadSchema(f"it is not a JSON Schema: {type(problem).__name__}: {what}") from None
    return [_reported(each) for each in sorted(found, key=_order)[:_MOST_REPORTED]]


def _order(misfit: Misfit) -> list[str]:
    return list(map(str, misfit.path))


def _reported(misfit: Misfit) -> tuple[Pointer, str]:
    return misfit.path, misfit.sentence[:_MOST_CHARACTERS]
