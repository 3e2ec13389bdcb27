"""The kinds that words are declared to take and to give are those that they do."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from jinja2 import nodes

from flowc.compiler.expressions import ExpressionError
from flowc.compiler.expressions.budget import EvaluationBudget
from flowc.compiler.expressions.fields import Joiner, Namespace
from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS, TESTS, Word
from flowc.compiler.expressions.filters.word import ALL_KINDS
from flowc.compiler.expressions.frame import Frame
from flowc.compiler.expressions.loops import ForLoop
from flowc.compiler.expressions.syntax import parse_expression
from flowc.compiler.expressions.trees import new_compilation
from flowc.compiler.expressions.values import kind_of

VALUES: Mapping[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "number": [0, 1, -2.5, 1_700_000_000],
    "text": ["", "a", "3", "2026-01-31", "yes", "[1]", "SGk=", "a: 1", "1h", "%s: %.0f"],
    "list": [[], [1], ["a"], [[1, 2]], [{"n": 1, "ok": True, "c": "x"}]],
    "object": [{}, {"a": 1}, {"n": {"x": 1}}],
    "moment": [datetime(2026, 1, 31, 10, tzinfo=UTC)],
    "date": [date(2026, 1, 31)],
    "duration": [timedelta(0), timedelta(hours=1)],
    "namespace": [Namespace({}), Namespace({"a": 1})],
    "joiner": [Joiner(""), Joiner(", ")],
    "loop": [ForLoop([]), ForLoop([1])],
}
WORDS = {
    f"{what} {word.name}": word
    for what, words in (("filter", FILTERS), ("test", TESTS))
    for word in words.values()
}


def uses_of(word: Word, source: str) -> Iterator[Any]:
    """Yield the trees in an example that use a word."""
    tree = parse_expression(source)
    for node in (tree, *tree.find_all((nodes.Filter, nodes.Test, nodes.Call))):
        name = node.node if isinstance(node, nodes.Call) else node
        if getattr(name, "name", None) in (word.name, *word.also):
            yield node


def evaluated(tree: nodes.Node, names: Mapping[str, Any]) -> Any:
    evaluate = new_compilation().compile(tree)
    try:
        return evaluate(Frame(names, EvaluationBudget()))
    except ExpressionError:
        return ExpressionError


def applied(word: Word, value: Any) -> Any:
    """Return what a word makes of a value with the arguments of its first example."""
    tree = next(uses_of(word, word.examples[0][0]))
    tree.node = nodes.Name("value", "load", lineno=1)
    return evaluated(tree, {"value": value})


def test_there_are_values_of_every_kind() -> None:
    assert list(VALUES) == list(ALL_KINDS)
    assert all(kind_of(value) == kind for kind, values in VALUES.items() for value in values)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_refuses_every_kind_that_it_is_not_declared_to_take(name: str) -> None:
    word = WORDS[name]
    assert word.kinds_taken <= set(ALL_KINDS)
    for kind in set(ALL_KINDS) - word.kinds_taken:
        for value in VALUES[kind]:
            assert applied(word, value) is ExpressionError, (kind, value)


@pytest.mark.parametrize("name", [name for name, word in WORDS.items() if word.takes != "any"])
def test_a_word_takes_some_value_of_every_kind_that_it_is_declared_to_take(name: str) -> None:
    for kind in WORDS[name].kinds_taken:
        results = [applied(WORDS[name], value) for value in VALUES[kind]]
        assert any(result is not ExpressionError for result in results), kind


@pytest.mark.parametrize("word", [*FILTERS.values(), *FUNCTIONS.values()], ids=lambda w: w.name)
def test_the_results_of_a_word_have_the_kinds_that_it_is_declared_to_give(word: Word) -> None:
    kinds = set(ALL_KINDS if word.gives == "any" else word.gives.split(" or "))
    for source, _ in word.examples:
        for tree in uses_of(word, source) if "{%" not in source else ():
            assert kind_of(evaluated(tree, {})) in kinds, source
    for value in (value for values in VALUES.values() for value in values):
        result = ExpressionError if word.is_function else applied(word, value)
        assert result is ExpressionError or kind_of(result) in kinds, value
