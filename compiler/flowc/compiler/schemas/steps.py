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

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, steps: int = 1) -> None:
        """Take steps from the budget; raise TooCostly if it has not as many."""
        self.left -= steps
        if self.left < 0:
            raise TooCostly(TooCostly.__doc__)

    def stop(self) -> None:
        """Let the next step be one too many, from any thread."""
        self.left = -1
