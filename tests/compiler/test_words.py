"""The filters, tests and functions: their examples, their place on the page, and in the schema."""

import json

import pytest

from fakes.flows import registry
from fakes.places import ROOT
from flowc.compiler.expressions import ExpressionError, compile_template
from flowc.compiler.expressions.filters import FILTERS, FUNCTIONS, TESTS
from flowc.compiler.reports.json_schema import definition_schema
from flowc.compiler.reports.vocabulary import VocabularyEntry, entries, shown_example

PAGE = (ROOT / "compiler" / "docs" / "filters.md").read_text()
EXAMPLES = [
    (entry, shown_example(entry, source), value)
    for entry in entries()
    for source, value in entry.word.examples
]


@pytest.mark.parametrize(("entry", "source", "value"), EXAMPLES, ids=[each[1] for each in EXAMPLES])
def test_an_example_has_the_value_shown(entry: VocabularyEntry, source: str, value: str) -> None:
    assert f"{source} -> {value}" in PAGE
    found = compile_template(source).evaluate({})
    assert json.dumps(found, ensure_ascii=False) == json.dumps(
        json.loads(value), ensure_ascii=False
    )


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: entry.word.name)
def test_a_word_is_used_in_each_of_its_examples(entry: VocabularyEntry) -> None:
    sign = {"filter": "|", "test": " is ", "function": ""}[entry.kind]
    names = [sign + name for name in (entry.word.name, *entry.word.also)]
    assert entry.word.examples
    shown = [source for source, _ in entry.word.examples]
    assert all(any(name in source for name in names) for source in shown)
    assert f"### `{entry.word.name}`" in PAGE


def test_the_schema_has_every_word_for_editors_to_complete() -> None:
    words = definition_schema(registry())["x-expressions"]
    for kind, known in (("filters", FILTERS), ("tests", TESTS), ("functions", FUNCTIONS)):
        named = {name for word in words[kind] for name in (word["name"], *word["also"])}
        assert named == set(known)
    assert {"if", "for", "set", "endfor", "raw"} <= set(words["statements"])


@pytest.mark.parametrize(("source", "message", "hint"), [
    ("{{ x|srt }}", "there is no filter 'srt'", "Did you mean 'sort'"),
    ("{{ x is evn }}", "there is no test 'evn'", "Did you mean 'even'"),
    ("{{ nwo() }}", "a call is not allowed", "Did you mean now()?"),
    ("{{ x.upper() }}", "a call is not allowed", "Write x|upper."),
    ("{{ length(x) }}", "a call is not allowed", "Write x|length."),
    ("{{ x|replace('a') }}", "'replace' does not take these arguments", "replace(old, new, count=null)"),
    ("{{ x|round(digits=2) }}", "'round' does not take these arguments", "round(precision=0"),
    ("{{ x|upper(1) }}", "'upper' does not take these arguments", "Its parameters are upper"),
    ("{{ x|sort(*y) }}", "must be written out, without *", ""),
    ("{{ x|map(y) }}", "'map' needs the name of a filter or test in quotes", "map('upper')"),
    ("{{ x|selectattr }}", "'selectattr' needs an attribute", "selectattr('is_paid')"),
    ("{{ x|map('map', 'upper') }}", "map cannot apply 'map'", "{% for %}"),
    ("{{ range() }}", "", ""),
])  # fmt: skip
def test_a_wrong_use_is_explained(source: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_template(source).evaluate({"x": "a", "y": 1})
    assert message in str(refused.value)
    assert hint in (refused.value.hint or "")
