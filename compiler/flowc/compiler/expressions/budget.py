"""Limits the work of evaluating expressions, and moves long evaluations to a thread.

An expression is pure: it can be stopped and begun again. So `evaluated` tries it on the event loop
with a small budget, and does it in a thread with the full one if that was not enough.
"""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from flowc.compiler.expressions.errors import ExpressionError

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")


class BudgetSize(NamedTuple):
    """How much an evaluation may do: steps, bytes of new text and lists, seconds."""

    steps: int
    bytes: int
    seconds: float


FULL = BudgetSize(20_000_000, 1 << 26, 10.0)
# A step takes less than a microsecond; the seconds count on machines on which it takes more.
QUICK = BudgetSize(20_000, 1 << 22, 0.02)

# How many steps are done between two looks at the clock.
_STRIDE = 500


class ExpressionTooLong(ExpressionError):
    """The expression needs more work than an evaluation may take."""


class EvaluationBudget:
    """What is left of the work that an evaluation may do.

    `indexes` holds the keys of lists that were searched, by the list's `id`, with the list itself.
    """

    __slots__ = ("_deadline", "_next_look", "_seconds", "_undo", "bytes", "indexes", "steps")

    def __init__(self, size: BudgetSize = FULL) -> None:
        self.steps, self.bytes, self._seconds = size
        self._next_look = max(self.steps - _STRIDE, 0)
        self._deadline: float | None = None
        self.indexes: dict[int, Any] | None = None
        self._undo: list[Callable[[], None]] = []

    @property
    def is_quick(self) -> bool:
        """Whether work that needs more is begun again, with the full budget."""
        return self._seconds == QUICK.seconds

    def spend(self, steps: int) -> None:
        """Count steps; raise ExpressionTooLong if none are left."""
        self.steps -= steps
        if self.steps < self._next_look:
            self._look()

    def make(self, size: int) -> None:
        """Count the bytes of a new value; raise ExpressionTooLong if none are left."""
        self.bytes -= size
        if self.bytes < 0:
            raise ExpressionTooLong(f"the expression makes more than {FULL.bytes >> 20} MB of data")

    def look_at_the_clock(self) -> None:
        """Raise ExpressionTooLong if the time is over; for work whose steps differ much."""
        self._next_look = self.steps
        self.spend(1)

    def when_begun_again(self, undo: Callable[[], None]) -> None:
        """Call this if the work is given up, to be begun again."""
        self._undo.append(undo)

    def give_up(self) -> None:
        """Undo what the work has done, the last first."""
        for undo in reversed(self._undo):
            undo()

    def _look(self) -> None:
        if self.steps < 0:
            raise ExpressionTooLong(f"the expression takes more than {FULL.steps:,} steps")
        now = perf_counter()
        if self._deadline is None:
            self._deadline = now + self._seconds
        elif now > self._deadline:
            raise ExpressionTooLong(f"the expression takes longer than {FULL.seconds:g} seconds")
        self._next_look = max(self.steps - _STRIDE, 0)


_SHARED: ContextVar[EvaluationBudget | None] = ContextVar("budget", default=None)


def shared_budget() -> EvaluationBudget | None:
    """Return the budget that several evaluations share, if one of them is in progress."""
    return _SHARED.get()


def current_budget() -> EvaluationBudget:
    """Return the budget of the evaluation in progress, or else a new one."""
    return _SHARED.get() or EvaluationBudget()


def within(size: BudgetSize, work: Callable[[], T]) -> T:
    """Return the result of work whose expressions share one budget."""
    token = _SHARED.set(EvaluationBudget(size))
    try:
        return work()
    finally:
        _SHARED.reset(token)


async def evaluated(work: Callable[[], T]) -> T:
    """Return the result of evaluating expressions; if it takes long, it is done in a thread.

    The work must be pure, since it is begun again in the thread.
    """
    budget = EvaluationBudget(QUICK)
    token = _SHARED.set(budget)
    try:
        return work()
    except ExpressionTooLong:
        budget.give_up()
    finally:
        _SHARED.reset(token)
    # Checking a definition evaluates nothing, and loads no event loop.
    from asyncio import get_running_loop  # noqa: PLC0415 - see above

    context = copy_context()

    def run() -> T:
        return context.run(lambda: within(FULL, work))

    return await get_running_loop().run_in_executor(_threads(), run)


@lru_cache(1)
def _threads() -> "Executor":
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - as above

    # Two, so that one long expression does not stop all others; more would only take turns.
    return ThreadPoolExecutor(2, "expressions")
