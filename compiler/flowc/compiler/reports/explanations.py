"""Why is each diagnostic given, and what is a bad and a good example of it?

They stand in explanations.yaml. Every example that is a definition is run by the tests: the bad
one gives its code, the good one does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flowc.compiler.reading.documents import read_bytes


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to know of one code."""

    why: str
    bad: str
    good: str


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return every code that the compiler can give, explained."""
    text = files("flowc.compiler.reports").joinpath("explanations.yaml").read_bytes()
    return {code: Explanation(**found) for code, found in read_bytes(text).data.items()}
