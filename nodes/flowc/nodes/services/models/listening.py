"""What a host is notified of the calls of models, to count them."""

from typing import Any, NamedTuple, Protocol

from flowc.nodes.services.models.answers import ModelAnswer


class CallUsage(NamedTuple):
    """What a call used; `cached_tokens` are part of the prompt's, `cost` is in US dollars."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0

    @classmethod
    def of(cls, answer: ModelAnswer) -> "CallUsage":
        """Return what an answer used, also one that was cut off."""
        return cls(
            answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens, answer.cost
        )

    @classmethod
    def of_response(cls, response: Any) -> "CallUsage":
        """Return what litellm says that another call than a chat used."""
        tokens = getattr(getattr(response, "usage", None), "total_tokens", 0)
        known = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
        return cls(int(tokens or 0), cost=float(known or 0.0))


class ModelListener(Protocol):
    """Is notified of each call of a model, by litellm's name of the model."""

    def ended(self, model: str, operation: str, outcome: str, seconds: float) -> None:
        """Note that a call ended: `ok`, `cancelled`, or with the code of its failure."""
        ...

    def used(self, model: str, usage: CallUsage) -> None:
        """Note what a call used, also one that was cut off."""
        ...


class NoListener:
    """Ignores all calls."""

    def ended(self, model: str, operation: str, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def used(self, model: str, usage: CallUsage) -> None:
        """Do nothing."""
