"""How much may a run spend on models, and what is already spoken for?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class BudgetExceeded(Exception):
    """A call that could cost more than is left meets this; the text says so."""


class Budget:
    """What a run may spend: US dollars, tokens, or both; `used` is what it has spent so far.

    A call under way counts with the most that it can come to. Without limits, all may be spent.
    """

    def __init__(
        self,
        cost: float | None = None,
        tokens: int | None = None,
        used: Mapping[str, float] | None = None,
    ) -> None:
        spent = used or {}
        limits = {"cost": cost, "tokens": tokens}
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        self._used = {"cost": spent.get("cost", 0.0), "tokens": spent.get("total_tokens", 0.0)}

    @contextmanager
    def reserved(self, cost: float, tokens: float) -> Iterator["Spending"]:
        """Set aside what a call comes to at the most; raise BudgetExceeded if it is not there."""
        spending, most = Spending(), {"cost": cost, "tokens": tokens}
        if not self._limits:
            # Nothing is counted: it may be everybody's.
            yield spending
            return
        for name, limit in self._limits.items():
            if self._used[name] + most[name] > limit:
                raise BudgetExceeded(_sentence(name, limit, self._used[name], most[name]))
        self._add(cost, tokens)
        try:
            yield spending
        finally:
            self._add(spending.cost - cost, spending.tokens - tokens)

    def spent(self, cost: float, tokens: float) -> None:
        """Count what was spent before, and is not among what the budget began with."""
        if self._limits:
            self._add(cost, tokens)

    def _add(self, cost: float, tokens: float) -> None:
        self._used["cost"] += cost
        self._used["tokens"] += tokens


UNLIMITED = Budget()


class Spending:
    """What a call has come to; nothing, if it failed."""

    cost = 0.0
    tokens = 0.0


def _sentence(name: str, limit: float, used: float, most: float) -> str:
    unit = "US dollars" if name == "cost" else "tokens"
    figures = [f"{value:,.6g}" for value in (limit, used, most)]
    return (
        f"The run may spend {figures[0]} {unit}; {figures[1]} are spent or spoken for,"
        f" and this call could take {figures[2]} more."
    )
