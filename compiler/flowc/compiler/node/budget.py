"""Budgets: what a run may spend on models, what it has spent, and what is reserved."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol


class BudgetExceeded(Exception):
    """The call could cost more than is left of the budget, so it is not made."""


class Ledger(Protocol):
    """Counts what the runs of a workflow spend together."""

    def reserve(self, cost: float, tokens: float) -> Awaitable[None]:
        """Reserve the most that a call can cost; raise BudgetExceeded if less is left."""
        ...

    def settle(self, cost: float, tokens: float) -> Awaitable[None]:
        """Correct a reservation by the difference to the real cost, which is usually negative."""
        ...


class Budget:
    """What a run may spend, in US dollars, in tokens, or both; None means no limit.

    `used` is what it has spent so far. A call in progress counts with the most that it can cost.
    With a `ledger`, each call also counts against the budget of the whole workflow.

        async with budget.reserved(cost=0.02, tokens=4_000) as spending:
            answer = await call_the_model()
            spending.cost, spending.tokens = answer.cost, answer.tokens
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
        """Reserve the most that a call can cost; raise BudgetExceeded if less is left."""
        spending, most = Spending(), {"cost": cost, "tokens": tokens}
        for name, limit in self._limits.items():
            if self._used[name] + most[name] > limit:
                raise BudgetExceeded(
                    exceeded("run's budget", name, limit, self._used[name], most[name])
                )
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
        """Add what was spent to `used`."""
        # UNLIMITED is shared by all runs, so nothing may be counted in it.
        if self._limits:
            self._used["cost"] += cost
            self._used["tokens"] += tokens


UNLIMITED = Budget()


class Spending:
    """What a call cost, in US dollars and tokens; zero if it failed."""

    cost = 0.0
    tokens = 0.0


def exceeded(what: str, name: str, limit: float, used: float, most: float) -> str:
    """Return the message of BudgetExceeded; `what` is the budget that the call would exceed.

    >>> print(exceeded("run's budget", "cost", 5, 3, 4))
    The run's budget is 5 US dollars; 3 are spent or reserved, and this call could use up to 4 more.
    """
    unit = "US dollars" if name == "cost" else "tokens"
    figures = [f"{value:,.6g}" for value in (limit, used, most)]
    return (
        f"The {what} is {figures[0]} {unit}; {figures[1]} are spent or reserved,"
        f" and this call could use up to {figures[2]} more."
    )
