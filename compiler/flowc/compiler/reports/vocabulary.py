"""The filters, tests, functions and statements of expressions, as data for editors and pages."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS, SUBJECTS, TESTS, Word
from flowc.compiler.expressions.filters.tests import TEST_WORDS
from flowc.compiler.expressions.tags import STATEMENTS

WordKind = Literal["filter", "test", "function"]


class VocabularyEntry(NamedTuple):
    """A word of the language, what kind of word it is, and its subject."""

    kind: WordKind
    subject: str
    word: Word


def entries() -> Iterator[VocabularyEntry]:
    """Yield every word once, by subject."""
    for subject, words in SUBJECTS.items():
        for word in sorted(words, key=lambda each: each.name):
            yield VocabularyEntry("filter", subject, word)
    for word in TEST_WORDS:
        yield VocabularyEntry("test", "Tests", word)
    for word in sorted({word.name: word for word in FUNCTIONS.values()}.values(), key=_name):
        yield VocabularyEntry("function", "Functions", word)


def entries_of(name: str) -> list[VocabularyEntry]:
    """Return the words that have this name: a filter, a test and a function may share one."""
    return [entry for entry in entries() if name in (entry.word.name, *entry.word.also)]


def word_names() -> set[str]:
    """Return the names of all words."""
    return {*FILTERS, *TESTS, *FUNCTIONS}


def usage_of(entry: VocabularyEntry) -> str:
    """Return how a word is written.

    >>> [usage_of(entry) for entry in entries_of("random")]
    ['value|random', 'random(least=null, most=null)']
    """
    before = {"filter": "value|", "test": "value is ", "function": ""}
    return before[entry.kind] + entry.word.usage


def shown_example(entry: VocabularyEntry, source: str) -> str:
    """Return an example as it is written in a template."""
    if "{%" in source:
        return source
    return f"{{{{ {source} }}}}" if source.startswith("{") else f"{{{{{source}}}}}"


def vocabulary() -> Mapping[str, Any]:
    """Return all words as JSON, for editors that complete and explain them."""
    found: dict[str, list[Any]] = {"filters": [], "tests": [], "functions": []}
    for entry in entries():
        found[f"{entry.kind}s"].append(_as_json(entry))
    return {**found, "statements": list(STATEMENTS)}


def _as_json(entry: VocabularyEntry) -> dict[str, Any]:
    word = entry.word
    return {
        "name": word.name,
        "also": list(word.also),
        "usage": usage_of(entry),
        "description": word.summary,
        "subject": entry.subject,
        "takes": word.takes,
        "gives": "boolean" if entry.kind == "test" else word.gives,
        "examples": [[shown_example(entry, source), value] for source, value in word.examples],
    }


def _name(word: Word) -> str:
    return word.name
