"""Describes what runs of a workflow do: what they access, and what their model calls cost."""

from collections.abc import Mapping
from math import isinf
from typing import Any

from flowc.compiler.analysis.inference import Inferred
from flowc.compiler.node import Effects
from flowc.compiler.planning.plan import Plan, make_plan
from flowc.compiler.reports.estimates import Range, estimate
from flowc.compiler.reports.forecast import forecast
from flowc.nodes.services.models import ModelAlias
from flowc.nodes.services.models.prices import cost_of

Aliases = Mapping[str, ModelAlias]


def plan_as_json(plan: Plan, aliases: Aliases) -> dict[str, Any]:
    """Return the forecast of a checked workflow, with the number and cost of its model calls."""
    known = forecast(plan)
    calls = {model: _limits(calls_of(plan, model)) for model in known.models}
    costs = {model: cost_of_calls(plan, model, aliases) for model in known.models}
    shown = {model: None if cost is None else _limits(cost) for model, cost in costs.items()}
    return {**known.as_json(), "model_calls": calls, "cost_usd": shown}


def plan_of(inferred: Inferred | None, aliases: Aliases) -> dict[str, Any] | None:
    """Return the forecast of a checked workflow; None if it cannot run."""
    return plan_as_json(make_plan(inferred), aliases) if inferred is not None else None


def calls_of(plan: Plan, model: str) -> Range:
    """Return how often one run calls a model, at least and at most."""
    return estimate(plan, lambda effects: effects.calls if model in effects.models else (0, 0))


def cost_of_calls(plan: Plan, model: str, aliases: Aliases) -> Range | None:
    """Return what one run's calls of a model cost, in US dollars; None if the price is unknown."""
    name = aliases[model].model if model in aliases else model
    if cost_of(Effects(), name) is None:
        return None

    def weigh(effects: Effects) -> Range:
        return (cost_of(effects, name) or (0, 0)) if model in effects.models else (0, 0)

    return estimate(plan, weigh)


def _limits(found: Range) -> list[float | None]:
    return [found[0], None if isinf(found[1]) else found[1]]
