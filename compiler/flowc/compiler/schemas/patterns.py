"""Regular expressions of schemas, matched in linear time by RE2.

RE2 has everything that JavaScript has except lookaround and back references, which need time that
grows exponentially.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from time import thread_time_ns
from typing import Any

from flowc.compiler.schemas.pattern_translation import as_re2, bad_pattern
from flowc.compiler.schemas.steps import StepBudget

# Bytes that one pattern may take while it matches; RE2 is slower, but still linear, above that.
_MEMORY = 4 << 20
# Compiled patterns in memory, for all schemas together.
_KEPT = 128
# Steps from which it is worth to measure how long a search took.
_WORTH_TIMING = 20
_TOO_OFTEN = (
    "What is repeated within a repetition counts as often as both together, at most 1,000 times:"
    " write `*` or `+`, and `maxLength` beside the pattern."
)


@dataclass(frozen=True)
class Pattern:
    """A pattern that can be searched for in texts."""

    source: str
    _compiled: Any = field(repr=False)

    @property
    def size(self) -> int:
        """The number of instructions that it is compiled to."""
        return int(self._compiled.programsize)

    def occurs_in(self, text: str, budget: StepBudget) -> bool:
        """Return whether the pattern matches somewhere in a text; raise TooCostly.

        The budget must have the steps of RE2's worst case, which takes four nanoseconds for each
        byte and each instruction. It is then charged for the time that the search took, since few
        patterns are that slow.
        """
        # Bytes, for which RE2 has not to work out at which characters the match is.
        data = text.encode("utf-8", "surrogatepass")
        worst = 1 + len(data) * self.size // 1000
        budget.require(worst)
        started = thread_time_ns() if worst > _WORTH_TIMING else 0
        found = self._compiled.search(data) is not None
        taken = (thread_time_ns() - started) // 1000 if started else worst
        budget.spend(min(worst, 1 + taken))
        return found


@lru_cache(_KEPT)
def compile_pattern(source: str) -> Pattern:
    r"""Return a pattern as JSON Schema writes it, ready to match; raise BadSchema.

    >>> budget = StepBudget(100)
    >>> compile_pattern(r"^\u0041\d+\/$").occurs_in("A12/", budget)
    True
    >>> compile_pattern("^a$").occurs_in("a\n", budget)
    False
    """
    # Imported here: few definitions have patterns.
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _MEMORY
    try:
        translated = as_re2(source).encode("utf-8", "surrogatepass")
        return Pattern(source, re2.compile(translated, options))
    except re2.error as problem:
        why = str(problem.args[0], "utf-8", "replace")
        hint = _TOO_OFTEN if "repetition size" in why else None
        what = f"it is no regular expression that flowc can match ({why})"
        raise bad_pattern(source, what, hint) from None
