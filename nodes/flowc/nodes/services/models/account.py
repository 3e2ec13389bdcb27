"""Where calls of models that are no answers in words are counted: embeddings, and rankings."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from flowc.compiler.node import Context, NodeError
from flowc.compiler.node.budget import UNLIMITED, Budget
from flowc.compiler.node.context import AddUsage, uncounted
from flowc.nodes.services.models.prices import CHARACTERS_PER_TOKEN, price_of


class Paid:
    """What a call used, in tokens and US dollars; nothing if it failed."""

    tokens: int = 0
    cost: float = 0.0


class Account(NamedTuple):
    """The usage of a node and the budget of its run; by default, calls are counted nowhere."""

    add_usage: AddUsage = uncounted
    budget: Budget = UNLIMITED

    @classmethod
    def of(cls, context: Context) -> "Account":
        """Return the account of a running node."""
        return cls(context.add_usage, context.budget)

    @asynccontextmanager
    async def paying(self, model: str, texts: Sequence[str]) -> AsyncIterator[Paid]:
        """Count a call that sends these texts to a model; raise BudgetExceeded before it is made.

        A call that is cut off counts with an estimate.
        """
        most = sum(map(len, texts)) / CHARACTERS_PER_TOKEN
        async with self.budget.reserved(price_of(model, most), most) as spending:
            paid, is_estimated = Paid(), False
            try:
                yield paid
            except BaseException as problem:
                is_estimated = _is_cut_off(problem)
                if is_estimated:
                    paid.tokens, paid.cost = round(most), price_of(model, most)
                raise
            finally:
                spending.cost, spending.tokens = paid.cost, paid.tokens
                if paid.tokens or paid.cost:
                    self._add(paid, model, is_estimated=is_estimated)

    def _add(self, paid: Paid, model: str, *, is_estimated: bool) -> None:
        tokens = {"prompt_tokens": paid.tokens, "total_tokens": paid.tokens}
        estimated = {"estimated_calls": 1} if is_estimated else {}
        self.add_usage({**tokens, "cost": paid.cost, "calls": 1, **estimated}, model)


NO_ACCOUNT = Account()


def _is_cut_off(problem: BaseException) -> bool:
    is_timeout = isinstance(problem, NodeError) and problem.kind == "timeout"
    return is_timeout or isinstance(problem, asyncio.CancelledError)
