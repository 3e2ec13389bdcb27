"""Prices of models, from litellm's list, without importing litellm."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowc.compiler.node import Effects

LIST = "model_prices_and_context_window_backup.json"

# Assumed tokens of a value that is filled in, and of an answer without `max_tokens`.
VALUE_TOKENS, ANSWER_TOKENS = 500, 1_000
CHARACTERS_PER_TOKEN = 4


def cost_of(effects: Effects, model: str) -> tuple[float, float] | None:
    """Return the lowest and highest cost of one run of a node, in US dollars; None if unknown.

    The lowest is that of the prompt as written; the highest adds values and an answer of the
    assumed length.
    """
    if model.startswith("offline/"):
        return 0, 0
    price = _prices().get(model) or _prices().get(model.partition("/")[2])
    if price is None or "input_cost_per_token" not in price:
        return None
    written = effects.prompt / CHARACTERS_PER_TOKEN
    answer = effects.max_tokens or ANSWER_TOKENS
    asked = written + effects.values * VALUE_TOKENS
    least = effects.calls[0] * written * float(price["input_cost_per_token"])
    most = asked * float(price["input_cost_per_token"])
    most += answer * float(price.get("output_cost_per_token") or 0)
    return least, effects.calls[1] * most


def worst_case(model: str, characters: int, max_tokens: int | None) -> tuple[float, float]:
    """Return the most that one call can cost, in US dollars, and the most tokens it can use.

    A model without a listed price costs 0.
    """
    prompt, answer = characters / CHARACTERS_PER_TOKEN, max_tokens or ANSWER_TOKENS
    return price_of(model, prompt, answer), prompt + answer


def price_of(model: str, prompt: float, answer: float = 0) -> float:
    """Return the price of tokens of a prompt and of its answer, in US dollars; 0 if not listed."""
    price = {} if model.startswith("offline/") else _price(model)
    cost = prompt * float(price.get("input_cost_per_token") or 0)
    return cost + answer * float(price.get("output_cost_per_token") or 0)


def context_window(model: str) -> int | None:
    """Return the most tokens that a model accepts, if it is listed."""
    most = _price(model).get("max_input_tokens")
    return most if isinstance(most, int) else None


def provider_of(model: str) -> str | None:
    """Return the provider of a model: the one that its name begins with, or that of the list.

    >>> provider_of("ollama/llama3"), provider_of("gpt-4o"), provider_of("gpt-99")
    ('ollama', 'openai', None)
    """
    prefix, mark, _ = model.partition("/")
    if mark and prefix in _providers():
        return prefix
    found = _prices().get(model, {}).get("litellm_provider")
    return found if isinstance(found, str) else None


@cache
def _providers() -> frozenset[str]:
    return frozenset(str(price.get("litellm_provider")) for price in _prices().values())


def _price(model: str) -> Mapping[str, Any]:
    return _prices().get(model) or _prices().get(model.partition("/")[2]) or {}


@cache
def _prices() -> Mapping[str, Any]:
    found = find_spec("litellm")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        data: Mapping[str, Any] = json.loads((Path(folder) / LIST).read_text(encoding="utf-8"))
        return data
    return {}
