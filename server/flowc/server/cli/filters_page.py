"""The page of the filters, tests and functions of expressions, with their examples."""

from collections.abc import Iterator
from itertools import groupby

from flowc.compiler.reports.vocabulary import VocabularyEntry, entries, shown_example, usage_of


def filters_page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Filters, tests and functions\n"
    yield "The words of [expressions](language.md#expressions). Each example is run by the tests:"
    yield "an expression, and its value as JSON. Parameters with a value after `=` can be left out;"
    yield "all can be given by name. `flowc filters NAME` prints one of these entries. A word"
    yield "marked *Jinja* means what it means there, apart from [some differences](jinja.md).\n"
    yield "What is [missing](language.md#missing-values) or has the wrong type is an error, unless"
    yield "the entry says otherwise.\n"
    for subject, found in groupby(entries(), lambda entry: entry.subject):
        yield f"## {subject}\n"
        for entry in found:
            yield from _entry(entry)


def _entry(entry: VocabularyEntry) -> Iterator[str]:
    word = entry.word
    also = "".join(f", `{name}`" for name in word.also)
    yield f"### `{word.name}`{also}\n"
    origin = " *Jinja.*" if word.is_jinjas else ""
    yield f"`{usage_of(entry)}`: {_sentence(entry)}.{origin}\n"
    yield "```jinja"
    for source, value in word.examples:
        yield f"{shown_example(entry, source)} -> {value}"
    yield "```\n"


def _sentence(entry: VocabularyEntry) -> str:
    return f"true for {entry.word.summary}" if entry.kind == "test" else entry.word.summary
