"""What an expression reads while it is evaluated: names, local variables, its budget, the time."""

import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.errors import MissingValue

Names = Mapping[str, Any]

# The key of the names under which a run passes its RecordedValues; no expression can write it.
RECORDED = "now()"


class RecordedValues:
    """The time and the random values that expressions see; the same seed gives the same values.

    >>> from datetime import datetime, UTC
    >>> one, again = (RecordedValues(datetime(2026, 1, 1, tzinfo=UTC), "run") for _ in range(2))
    >>> one.uuid() == again.uuid(), one.uuid() == one.uuid()
    (True, False)
    """

    def __init__(self, now: datetime, seed: str) -> None:
        self.now, self._seed, self._part, self._drawn = now, seed, "", 0

    def restart(self, part: str) -> None:
        """Begin again with the values of a part of the work, such as an attempt."""
        self._part, self._drawn = part, 0

    def mark(self) -> Callable[[], None]:
        """Return what goes back to the values from here on, for work that is begun again."""
        before = self._part, self._drawn

        def go_back() -> None:
            self._part, self._drawn = before

        return go_back

    def uuid(self) -> str:
        """Return a random UUID (version 4)."""
        bits = int.from_bytes(self._drawn_bytes()[:16], "big")
        # The version, 4, and the variant have fixed places.
        bits = bits & ~(0xF000 << 64) & ~(0xC000 << 48) | 4 << 76 | 2 << 62
        found = f"{bits:032x}"
        return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:]))

    def number(self) -> float:
        """Return a random number from 0 up to 1, without 1."""
        return int.from_bytes(self._drawn_bytes()[:7], "big") % (1 << 53) / (1 << 53)

    def _drawn_bytes(self) -> bytes:
        self._drawn += 1
        return hashlib.sha256(f"{self._seed} {self._part} {self._drawn}".encode()).digest()


class Frame(dict[str, Any]):
    """The names of one evaluation, and its local variables under keys that are no names."""

    __slots__ = ("_recorded", "budget")

    def __init__(self, names: Names, budget: EvaluationBudget) -> None:
        super().__init__(names)
        self.budget = budget
        self._recorded: RecordedValues | None = None

    def __missing__(self, name: str) -> NoReturn:
        # A local variable's key is its name and a number.
        raise MissingValue(f"{name.partition(' ')[0][:60]!r} is not defined")

    @property
    def recorded(self) -> RecordedValues:
        """The time and random values; outside of a run, those of this moment."""
        if self._recorded is None:
            recorded: RecordedValues = self.get(RECORDED) or unrecorded()
            self.budget.when_begun_again(recorded.mark())
            self._recorded = recorded
        return self._recorded


def unrecorded() -> RecordedValues:
    """Return values that differ each time: the time now, and random ones."""
    return RecordedValues(datetime.now(UTC), os.urandom(16).hex())


Evaluate = Callable[[Frame], Any]
