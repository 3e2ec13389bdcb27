"""Counts what a call of a model used that was cut off in the middle, as far as it is known.

Providers charge for such a call, too, but report what it used only at its end. Without that, the
tokens are estimated from the length of the texts.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from flowc.nodes.services.models.answers import ModelAnswer, Received
from flowc.nodes.services.models.prices import CHARACTERS_PER_TOKEN, price_of

# Called with what is known of an answer that was cut off.
OnCutOff = Callable[[ModelAnswer], None]
# Of these failures, the request was not sent, or not accepted.
_UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})


def uncounted_cut_off(answer: ModelAnswer) -> None:
    """Do nothing: no one counts what the call used."""


def is_paid(received: Received, problem: BaseException) -> bool:
    """Return whether a call that ended like this is probably charged for."""
    if received.chunks or isinstance(problem, asyncio.CancelledError):
        return True
    is_timeout = isinstance(problem, TimeoutError) or type(problem).__name__ == "Timeout"
    return is_timeout and not {type(each).__name__ for each in _causes(problem)} & _UNSENT


def estimated(
    received: Received, messages: Sequence[Any], model: str, seconds: float
) -> ModelAnswer:
    """Return an answer without text, with what the call has probably used in these seconds."""
    # Some providers say at the beginning what the messages have used.
    given = [chunk.usage for chunk in received.chunks if getattr(chunk, "usage", None) is not None]
    asked = max((int(each.prompt_tokens or 0) for each in given), default=0)
    answered = max((int(each.completion_tokens or 0) for each in given), default=0)
    written = "".join([*received.texts, *received.thoughts, *map(_other_text, received.chunks)])
    asked, answered = asked or _tokens(json.dumps(list(messages))), max(answered, _tokens(written))
    return ModelAnswer(
        text="",
        model=model,
        finish_reason="cut-off",
        prompt_tokens=asked,
        completion_tokens=answered,
        cost=price_of(model, asked, answered),
        latency_ms=round(seconds * 1e3, 3),
        is_estimated=True,
    )


def _other_text(chunk: Any) -> str:
    """Return what the model wrote in a chunk beside text and thoughts: calls of tools."""
    delta = chunk.choices[0].delta if chunk.choices else None
    calls = getattr(delta, "tool_calls", None) or ()
    return "".join(call.function.arguments or "" for call in calls)


def _tokens(text: str) -> int:
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def _causes(problem: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while problem is not None and problem not in found:
        found.append(problem)
        problem = problem.__cause__ or problem.__context__
    return found
