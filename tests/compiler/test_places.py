"""Each key, value and character of a document has its place in the text."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notations import NOTATIONS
from flowc.compiler.diagnostics import Problem, Replacement, TextRange
from flowc.compiler.reading.documents import Document, changed_text, read_text

PARTS = [*"abc é'\":#-{}[],|>&*!%@\\\t", "\n", "\n\n", "\n  ", "😀"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=20).map("".join)
KEYS = st.text(st.sampled_from([*"abc_-é"]), min_size=1, max_size=8).filter(
    lambda key: key.strip("-") != ""
)
DATA = st.dictionaries(
    KEYS,
    st.recursive(
        TEXTS | st.integers(-9, 9) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=3,
)
Path = tuple[str | int, ...]


def _values(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, data
    if isinstance(data, (dict, list)):
        for key, item in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _values(item, (*path, key))


def _at(text: str, range: TextRange | None) -> str:
    assert range is not None
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    start, end = (starts[line - 1] + column - 1 for line, column in (range.start, range.end))
    return text[start:end]


@given(DATA, st.sampled_from(["json", "json-line"]))
@settings(max_examples=100, deadline=None)
def test_the_extent_of_a_value_is_the_value(data: Any, notation: str) -> None:
    text = NOTATIONS[notation](data)
    document = read_text(text)
    for path, value in _values(data):
        assert json.loads(_at(text, document.extent(path))) == value
        if path and isinstance(path[-1], str):
            key = document.range_of(Problem("code", "", path, on_key=True))
            assert json.loads(_at(text, key)) == path[-1]


@given(DATA, st.sampled_from(sorted(NOTATIONS)))
@settings(max_examples=200, deadline=None)
def test_extents_are_in_each_other_and_one_after_the_other(data: Any, notation: str) -> None:
    text = NOTATIONS[notation](data)
    document = read_text(text)
    for path, value in _values(document.data):
        around = document.extent(path)
        assert around is not None
        last = around.start
        if isinstance(value, (dict, list)):
            for key in value if isinstance(value, dict) else range(len(value)):
                inside = document.extent((*path, key), with_key=True)
                assert inside is not None
                assert last <= inside.start <= inside.end <= around.end
                last = inside.end


@given(DATA, st.sampled_from(sorted(NOTATIONS)), st.data())
@settings(max_examples=200, deadline=None)
def test_a_part_of_a_text_is_replaced_in_every_notation(
    data: Any, notation: str, draw: st.DataObject
) -> None:
    text = NOTATIONS[notation](data)
    document = read_text(text)
    words = [(path, value) for path, value in _values(document.data) if isinstance(value, str)]
    for path, value in words:
        known = [at for at, letter in enumerate(value) if letter in "abcé😀"]
        if known:
            at = draw.draw(st.sampled_from(known))
            replacement = Replacement(path, "new", offset=at, length=1)
            assert _replaced(document, replacement) == value[:at] + "new" + value[at + 1 :]


def _replaced(document: Document, replacement: Replacement) -> Any:
    change = document.change(replacement)
    assert change is not None, (document.text, replacement)
    assert document.text is not None
    found = read_text(changed_text(document.text, [change])).data
    for part in replacement.at:
        found = found[part]
    return found


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_end_as_an_editor_has_them(end: str, mark: str) -> None:
    lines = [
        "# é😀\u2028",
        "a: |",
        "  one",
        "  two",
        "b: [c,",
        "  'd']",
        "e: >-",
        "  f",
        "",
        "  g",
        "h: i",
    ]
    text = mark + end.join(lines) + end
    document = read_text(text)
    assert document.data == {"a": "one\ntwo\n", "b": ["c", "d"], "e": "f\ng", "h": "i"}
    found = {path: document.extent(path) for path, _ in _values(document.data)}
    assert found["b", 1] == TextRange((6, 3), (6, 6))
    assert found["a",] == TextRange((2, 4), (4, 6))
    assert found["h",] == TextRange((11, 4), (11, 5))
    new = Replacement(("a",), "2", offset=4, length=3)
    assert _replaced(document, new) == "one\n2\n"
