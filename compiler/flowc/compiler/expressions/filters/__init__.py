"""The filters, tests and functions of the language, each from a module for its subject."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flowc.compiler.expressions.filters import (
    choosers,
    dates,
    encodings,
    functions,
    lists,
    numbers,
    objects,
    patterns,
    texts,
)
from flowc.compiler.expressions.filters.tests import TEST_WORDS
from flowc.compiler.expressions.filters.word import Word

__all__ = ["FILTERS", "FUNCTIONS", "SUBJECTS", "TESTS", "Word"]

# By subject, in the order of the page of filters.
SUBJECTS: Mapping[str, tuple[Word, ...]] = MappingProxyType(
    {
        "Numbers": numbers.WORDS,
        "Text": texts.WORDS,
        "Regular expressions": patterns.WORDS,
        "Lists": (*choosers.WORDS, *lists.WORDS),
        "Objects and any value": objects.WORDS,
        "Dates and times": dates.WORDS,
        "Other notations": encodings.WORDS,
    }
)


def _by_name(words: Iterable[Word]) -> Mapping[str, Word]:
    return MappingProxyType({name: word for word in words for name in (word.name, *word.also)})


FILTERS = _by_name(word for words in SUBJECTS.values() for word in words)
TESTS = _by_name(TEST_WORDS)
FUNCTIONS = _by_name((*functions.FUNCTIONS, *dates.FUNCTIONS))
