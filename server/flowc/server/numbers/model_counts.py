"""Counts the calls of models, and what they use."""

from collections.abc import Callable

from flowc.nodes.services.models.listening import CallUsage
from flowc.server.numbers.bounded_labels import OTHER, BoundedLabels
from flowc.server.numbers.metrics import Metrics

# Workflows can name any model.
MOST_MODELS, MOST_OUTCOMES = 100, 50


class ModelCounts:
    """Counts the calls of models of a process; names of models are redacted."""

    def __init__(self, metrics: Metrics, redacted: Callable[[str], str]) -> None:
        self._metrics = metrics
        self._models: BoundedLabels[str, str] = BoundedLabels(MOST_MODELS, redacted, OTHER)
        self._outcomes: BoundedLabels[str, str] = BoundedLabels(MOST_OUTCOMES, str, OTHER)

    def ended(self, model: str, operation: str, outcome: str, seconds: float) -> None:
        """Count a call that ended."""
        name = self._models.of(model)
        self._metrics.model_calls.labels(name, operation, self._outcomes.of(outcome)).inc()
        self._metrics.model_seconds.labels(name, operation).observe(seconds)

    def used(self, model: str, usage: CallUsage) -> None:
        """Count what a call used."""
        name, tokens = self._models.of(model), self._metrics.tokens
        tokens.labels(name, "prompt").inc(usage.prompt_tokens)
        tokens.labels(name, "completion").inc(usage.completion_tokens)
        if usage.cached_tokens:
            tokens.labels(name, "cached").inc(usage.cached_tokens)
        self._metrics.cost.labels(name).inc(max(usage.cost, 0.0))
