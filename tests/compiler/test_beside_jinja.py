"""The language beside Jinja's sandbox: the same value, or a difference that a page explains."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, Undefined
from jinja2.filters import FILTERS as JINJAS_FILTERS
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import TESTS as JINJAS_TESTS

from fakes.places import ROOT
from flowc.compiler.expressions import ExpressionError, compile_expression, compile_template
from flowc.compiler.expressions.filters import FILTERS, TESTS

PAGE = (ROOT / "compiler" / "docs" / "jinja.md").read_text()
JINJA = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)

TEXTS = [
    "",
    "a",
    "B",
    "hello World",
    "x-y z",
    '<b>hi</b> & "q"',
    "it's",
    "10",
    "2.5",
    "one\ntwo\n\n3",
    "Ä ö",
]
NUMBERS = st.integers(-5, 12) | st.sampled_from([0.5, 2.5, -1.25, 3.0])
SCALARS = NUMBERS | st.sampled_from(TEXTS) | st.booleans() | st.none()
ROWS = st.fixed_dictionaries(
    {
        "n": st.integers(0, 3),
        "s": st.sampled_from(["x", "Y", "y"]),
        "ok": st.booleans(),
        "o": st.fixed_dictionaries({"p": st.integers(0, 2)}),
    }
)
LISTS = (
    st.lists(NUMBERS, max_size=6)
    | st.lists(st.sampled_from(["a", "B", "b", "A", "cc", ""]), max_size=6)
    | st.lists(ROWS, max_size=5)
)
OBJECTS = st.dictionaries(st.sampled_from("abcABC"), SCALARS | LISTS, max_size=4)
VALUES = SCALARS | LISTS | OBJECTS | st.lists(SCALARS | LISTS | OBJECTS, max_size=4)

EXPRESSIONS = """
x|abs; x|int(0); x|int(7, 16); x|float(1.5); x|round; x|round(1); x|round(1, 'ceil'); x|round(1, 'floor')
x|filesizeformat; x|filesizeformat(true); x|capitalize; x|center(12); x|lower; x|upper; x|title; x|trim
x|trim('a'); x|replace('a', 'bb'); x|replace('l', 'L', 1); x|truncate(8); x|truncate(8, true)
x|truncate(8, true, '…', 0); x|truncate(8, leeway=0); x|wordcount; x|wordwrap(6); x|wordwrap(6, false)
x|indent; x|indent(2, true); x|indent('> ', true, true); x|striptags; x|escape; x|urlencode; x|length; x|first
x|last; x|list; x|reverse; x|join('-'); x|join('-', 'n'); x|string; x|sort; x|sort(true)
x|sort(case_sensitive=true); x|sort(attribute='n'); x|sort(attribute='s,n'); x|sort(attribute='o.p', reverse=true)
x|unique; x|unique(true); x|unique(attribute='s'); x|sum; x|sum('n'); x|sum(start=10); x|min; x|max
x|min(attribute='n'); x|max(true); x|batch(2); x|batch(3, '-'); x|slice(2); x|slice(4, 'f'); x|dictsort
x|dictsort(true); x|dictsort(by='value'); x|dictsort(reverse=true); x|groupby('s'); x|groupby('n')
x|groupby('s', case_sensitive=true); x|groupby('zz', default='q'); x|items; x|map('upper'); x|map(attribute='n')
x|map(attribute='o.p'); x|map(attribute='zz', default=3); x|map('default', 'z', true); x|select; x|reject
x|select('odd'); x|select('gt', 2); x|reject('in', [1, 2]); x|selectattr('ok'); x|selectattr('n', 'eq', 1)
x|rejectattr('n', 'ge', 2); x|rejectattr('ok'); x|selectattr('s', 'in', ['x']); x|selectattr('zz', 'defined')
x|tojson; x|default('d'); x|default('d', true); x|pprint; x|format; '%s-%s'|format(x, 1); '%05.1f'|format(x)
'%d'|format(x); '%(a)s'|format(a=x); x is defined; x is none; x is true; x is false; x is boolean; x is integer
x is float; x is number; x is string; x is sequence; x is mapping; x is iterable; x is even; x is odd
x is divisibleby 3; x is lower; x is upper; x is eq(1); x is ne('a'); x is lt 3; x is ge(2); x is in([1, 'a'])
x is sameas(none); x[1:3]; x[::-1]; x[:2]; x[-2:]; x == y; x != y; x < y; x in y; y not in x; x + y; x - y
x * y; x / y; x // y; x % y; x ** 2; x ~ y; not x; x and y; x or y; x if y else 1; -x; [x, y]; {'k': x}
x > 1 and y; range(5); range(1, 9, 3); dict(a=x); x[0]; x['a']; x.a
"""
SOURCES = [source.strip() for source in EXPRESSIONS.replace("\n", ";").split(";") if source.strip()]

TEMPLATES = [
    "{% for i in x %}{{ loop.index }}/{{ loop.length }} {{ loop.first }}{{ loop.last }};{% else %}none{% endfor %}",
    "{% for i in x if i is string %}<{{ i }}>{{ loop.revindex0 }}{% endfor %}",
    "{% for k, v in x|dictsort %}{{ k }},{% endfor %}",
    "{% for i in x %}{{ loop.cycle('a', 'b') }}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
    "{% if x is string %}text{% elif x is number %}number{% else %}other{% endif %}",
    "{% set a = x|default('z', true) is string %}{% if a %}yes{% endif %}{{ 1 if a else 2 }}",
    "{% set n = namespace(c=0) %}{% for i in x %}{% set n.c = n.c + loop.index %}{% endfor %}{{ n.c }}.",
    "  {%- if y %} a {%- else %} b {% endif -%}  c",
    "{% raw %}{{ x }}{% endraw %}{# note #}{% with q = 7 %}{{ q }}{% endwith %}",
    "{% for i in [1, 2] %}{% for j in [3, 4] %}{{ i * j }}{{ loop.last }}{% endfor %}{{ loop.index0 }}{% endfor %}",
    "{% set t %}a{{ 1 }}b{% endset %}{{ t|upper }}!",
    "{% set comma = joiner('; ') %}{% for i in x %}{{ comma() }}{{ loop.changed(i is string) }}{% endfor %}",
    "{% set a = 0 %}{% for i in [1, 2] %}{{ a }}{% set a = i %}{% endfor %}{{ a }}",
    "{% set a = 0 %}{% for i in [1, 2] %}{% if y > i %}{% set a = i %}{% endif %}{{ a }}{% endfor %}{{ a }}",
    "{% set q = 1 %}{% for i in x %}{% set q = q + 1 %}{{ q }}{% endfor %}{{ q }}",
]


class Failed:
    """An evaluation that raised an error."""


FAILED = Failed()


def of_jinja(source: str, names: Mapping[str, Any]) -> Any:
    try:
        return _plain(JINJA.compile_expression(source, undefined_to_none=False)(**names))
    except Exception:
        return FAILED


def _plain(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise ValueError("undefined")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    return [_plain(item) for item in value] if hasattr(value, "__iter__") else value


def of_ours(source: str, names: Mapping[str, Any]) -> Any:
    try:
        return compile_expression(source).evaluate(names)
    except ExpressionError:
        return FAILED


def _has_boolean(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return any(map(_has_boolean, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bool)


Rule = Callable[[str, Any, Any], bool]
TEXT_FILTERS = (
    "capitalize|center|lower|upper|title|trim|replace|wordcount|wordwrap|indent|format|map\\('upper"
)
LIST_FILTERS = "join|sort|unique|sum|min|max|batch|slice|groupby|map|select|reject|dictsort"

# Each difference of the page, with a condition on the expression and the values x and y.
RULES: Mapping[str, Rule] = {
    "boolean-numbers": lambda source, x, y: _has_boolean([x, y]),
    "written-values": lambda source, x, y: (
        (
            re.search(r"~|string|join|escape|striptags|truncate|urlencode|format|center", source)
            is not None
            and not isinstance(x, str)
        )
        or ("~" in source and not isinstance(y, str))
    ),
    "text-filters": lambda source, x, y: (
        re.search(TEXT_FILTERS, source) is not None and not isinstance(x, str)
    ),
    "text-as-list": lambda source, x, y: (
        (isinstance(x, dict) and source == "x is sequence")
        or (
            isinstance(x, str)
            and re.search(f"{LIST_FILTERS}|is sequence|is iterable", source) is not None
        )
    ),
    "no-list": lambda source, x, y: (
        not isinstance(x, (list, dict)) and re.search("map|select|reject", source) is not None
    ),
    "repetition": lambda source, x, y: source == "x * y",
    "format-operator": lambda source, x, y: source == "x % y" and isinstance(x, str),
    "ordered-lists": lambda source, x, y: (
        re.search(r"<|>|sort|min|max|groupby", source) is not None
    ),
    "by-value": lambda source, x, y: re.search(r"\bin\b|unique", source) is not None,
    "empty-list": lambda source, x, y: (
        re.search(r"\|(first|last|min|max)", source) is not None and not x
    ),
    "missing-attribute": lambda source, x, y: (
        re.search("attribute=|attr\\(|groupby|'n'", source) is not None
    ),
    "tojson": lambda source, x, y: "tojson" in source,
    "pprint": lambda source, x, y: "pprint" in source,
    "urlencode-pairs": lambda source, x, y: "urlencode" in source and isinstance(x, list),
    "truncated-values": lambda source, x, y: "truncate" in source and not isinstance(x, str),
}


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=25, deadline=None)
@given(x=VALUES, y=VALUES)
def test_a_value_is_jinjas_or_the_difference_is_explained(source: str, x: Any, y: Any) -> None:
    names = {"x": x, "y": y}
    theirs, ours = of_jinja(source, names), of_ours(source, names)
    if theirs is FAILED and ours is FAILED:
        return
    if FAILED not in (theirs, ours) and json.dumps(theirs) == json.dumps(ours):
        return
    assert any(holds(source, x, y) for holds in RULES.values()), (names, theirs, ours)


@pytest.mark.parametrize("source", TEMPLATES)
@settings(max_examples=25, deadline=None)
@given(x=st.lists(NUMBERS | st.sampled_from(["a", "B"]), max_size=4), y=NUMBERS)
def test_a_statement_does_what_it_does_in_jinja(source: str, x: Any, y: Any) -> None:
    names = {"x": dict.fromkeys(map(str, x), 1) if "dictsort" in source else x, "y": y}
    theirs = JINJA.from_string(source).render(**names)
    # `true` and `false` are the difference `written-values`.
    theirs = theirs.replace("True", "true").replace("False", "false")
    assert compile_template(source).evaluate(names) == theirs


def test_every_difference_is_on_the_page() -> None:
    listed = set(re.findall(r"^\| \*\*([a-z-]+)\*\*", PAGE, re.MULTILINE))
    assert set(RULES) <= listed


@pytest.mark.parametrize(("name", "example", "theirs", "ours"), [
    ("missing", "nothing ~ 'a'", "a", None),
    ("number-without-default", "'x'|int", 0, None),
    ("even-booleans", "true is odd", True, None),
    ("escaping", "'<'|escape|escape", "&lt;", "&amp;lt;"),
    ("lists", "[1]|map('string')|list", ["1"], ["1"]),
])  # fmt: skip
def test_a_difference_is_as_the_page_says(name: str, example: str, theirs: Any, ours: Any) -> None:
    assert f"**{name}**" in PAGE
    jinja = SandboxedEnvironment().compile_expression(example)()
    assert (list(jinja) if isinstance(jinja, list) else jinja) == theirs
    found = of_ours(example, {})
    assert (None if found is FAILED else found) == ours


def test_a_variable_that_no_branch_has_set_is_missing() -> None:
    source = "{% if false %}{% set a = 1 %}{% endif %}{{ a }}"
    assert JINJA.from_string(source).render(a="outside") == "outside"
    with pytest.raises(ExpressionError, match="'a' is not defined"):
        compile_template(source).evaluate({"a": "outside"})
    assert "**set-in-if**" in PAGE


@pytest.mark.parametrize("name", sorted({*JINJAS_FILTERS, *JINJAS_TESTS}))
def test_what_jinja_has_is_here_or_said_to_be_missing(name: str) -> None:
    assert name in FILTERS or name in TESTS or f"`{name}`" in PAGE.rpartition("|\n")[2]
