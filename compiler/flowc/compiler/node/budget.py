"""How much may a run spend on models, and what is already spoken for?"""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol


class BudgetExceeded(Exception):
    """A call that could cost more than is left meets this; the text says so."""


class Ledger(Protocol):
    """What several runs spend together."""

    def reserve(self, cost: float, tokens: float) -> Awaitable[None]:
        """Set aside what a call comes to at the most; raise BudgetExceeded if it is not there."""
        ...

    def settle(self, cost: float, tokens: float) -> Awaitable[None]:
        """Count by how much a call came to more than was set aside; mostly, it is less."""
        ...


class Budget:
    """What a run may spend: US dollars, tokens, or both; `used` is what it has spent so far.

    A call under way counts with the most that it can come to. Without limits, all may be spent.
    With a `ledger`, it also counts for what the runs of its workflow may spend.
    """

    def __init__(
        self,
        cost: float | None = None,
        tokens: int | None = None,
        used: Mapping[str, float] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger
        spent = used or {}
        limits = {"cost": cost, "tokens": tokens}
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        self._used = {"cost": spent.get("cost", 0.0), "tokens": spent.get("total_tokens", 0.0)}

    @asynccontextmanager
    async def reserved(self, cost: float, tokens: float) -> AsyncIterator["Spending"]:
        """Set aside what a call comes to at the most; raise BudgetExceeded if it is not there."""
        spending, most = Spending(), {"cost": cost, "tokens": tokens}
        for name, limit in self._limits.items():
            if self._used[name] + most[name] > limit:
                raise BudgetExceeded(exceeded("run", name, limit, self._used[name], most[name]))
        if self._ledger is not None:
            await self._ledger.reserve(cost, tokens)
        self.spent(cost, tokens)
        try:
            yield spending
        finally:
            more = spending.cost - cost, spending.tokens - tokens
            self.spent(*more)
            if self._ledger is not None:
                await self._ledger.settle(*more)

    def spent(self, cost: float, tokens: float) -> None:
        """Count what was spent, and is not among what the budget began with."""
        # Without limits nothing is counted: it may be everybody's.
        if self._limits:
            self._used["cost"] += cost
            self._used["tokens"] += tokens


UNLIMITED = Budget()


class Spending:
    """What a call has come to; nothing, if it failed."""

    cost = 0.0
    tokens = 0.0


def exceeded(who: str, name: str, limit: float, used: float, most: float) -> str:
    """Say in a sentence that a call could cost more than is left to a run, or a workflow."""
    unit = "US dollars" if name == "cost" else "tokens"
    figures = [f"{value:,.6g}" for value in (limit, used, most)]
    return (
        f"The {who} may spend {figures[0]} {unit}; {figures[1]} are spent or spoken for,"
        f" and this call could take {figures[2]} more."
    )
