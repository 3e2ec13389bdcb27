"""Explains each diagnostic: why it is reported, with a bad and a good example.

The explanations are in explanations.yaml. The tests check every example that is a definition: the
bad one is reported with its code, the good one is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flowc.compiler.reading.documents import read_bytes


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one diagnostic code."""

    why: str
    bad: str
    good: str


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return the explanations of all codes that the compiler reports."""
    text = files("flowc.compiler.reports").joinpath("explanations.yaml").read_bytes()
    return {code: Explanation(**found) for code, found in read_bytes(text).data.items()}
