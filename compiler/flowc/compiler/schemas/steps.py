"""Budgets of validations."""

from flowc.compiler.schemas.refusals import TooCostly


class StepBudget:
    """The steps that are left of a budget; a step is about a microsecond of work.

    >>> budget = StepBudget(2)
    >>> budget.spend(2)
    >>> try:
    ...     budget.spend(1)
    ... except TooCostly:
    ...     print("no steps are left")
    no steps are left
    """

    __slots__ = ("is_stopped", "left")

    def __init__(self, left: int) -> None:
        self.left, self.is_stopped = left, False

    def spend(self, steps: int = 1) -> None:
        """Take steps from the budget; raise TooCostly if it has not as many."""
        self.left -= steps
        if self.left < 0 or self.is_stopped:
            raise TooCostly(TooCostly.__doc__)

    def require(self, steps: int) -> None:
        """Raise TooCostly if the budget has not as many steps."""
        if self.left < steps:
            raise TooCostly(TooCostly.__doc__)

    def stop(self) -> None:
        """Let the next step be one too many, from any thread."""
        # Not by the number, which another thread may be about to write.
        self.is_stopped = True
