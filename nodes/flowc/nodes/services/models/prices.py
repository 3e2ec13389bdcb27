"""What does a model cost? Read from litellm's list, without importing litellm."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowc.compiler.node import Effects

LIST = "model_prices_and_context_window_backup.json"

# Where a definition does not say: tokens of a value that is filled in, and of an answer.
VALUE_TOKENS, ANSWER_TOKENS = 500, 1_000
CHARACTERS_PER_TOKEN = 4


def cost_of(effects: Effects, model: str) -> tuple[float, float] | None:
    """Return what one run of a node costs in US dollars, at least and at most; None if unknown.

    At least, the prompt as it is written; at most, with values and answer of the usual length.
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
    """Return what one call can come to at the most: US dollars, as far as known, and tokens."""
    prompt, answer = characters / CHARACTERS_PER_TOKEN, max_tokens or ANSWER_TOKENS
    price = _prices().get(model) or _prices().get(model.partition("/")[2]) or {}
    cost = prompt * float(price.get("input_cost_per_token") or 0)
    cost += answer * float(price.get("output_cost_per_token") or 0)
    return cost, prompt + answer


def context_window(model: str) -> int | None:
    """Return how many tokens a model takes, if that is listed."""
    found = _prices().get(model) or _prices().get(model.partition("/")[2]) or {}
    most = found.get("max_input_tokens")
    return most if isinstance(most, int) else None


@cache
def _prices() -> Mapping[str, Any]:
    found = find_spec("litellm")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        data: Mapping[str, Any] = json.loads((Path(folder) / LIST).read_text(encoding="utf-8"))
        return data
    return {}
