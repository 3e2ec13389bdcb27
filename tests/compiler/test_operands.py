"""Operators, filters, conditions and branches that cannot work on their values are found."""

import json
from pathlib import Path

import pytest
import yaml

from fakes.flows import registry
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.reading.documents import from_data, read_text

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "operands.yaml").read_text())
CONDITIONS = [["condition", *case] for case in CASES["conditions"]]
TEXTS = [["template", *case] for case in CASES["texts"]]
TABLE = [(*case, *[None] * (4 - len(case))) for case in (*CONDITIONS, *TEXTS)]


def definition(field: str, source: str) -> str:
    kind = {"condition": "conditional", "template": "template"}[field]
    config = {field: source, **({"true_edge": "end"} if field == "condition" else {})}
    nodes = [{"id": "node", "type": kind, "config": config}]
    if field == "condition":
        nodes.append({"id": "end", "type": "end", "config": {}})
    return json.dumps({"input": CASES["input"], "nodes": nodes}, indent=1, ensure_ascii=False)


def found_in(field: str, source: str) -> list[Diagnostic]:
    return check_workflow(read_text(definition(field, source)), registry())


def test_the_table_has_enough_cases() -> None:
    assert len({(field, source) for field, source, *_ in TABLE}) == len(TABLE)
    assert sum(finds is not None for *_, finds, _ in TABLE) >= 80
    assert sum(finds is None for *_, finds, _ in TABLE) >= 60


@pytest.mark.parametrize(("field", "source", "finds", "part"), TABLE, ids=[c[1] for c in TABLE])
def test_what_cannot_work_is_found_and_nothing_else(
    field: str, source: str, finds: str | None, part: str | None
) -> None:
    found = found_in(field, source)
    assert [f"{each.severity} {each.code}" for each in found] == ([finds] if finds else [])
    for each in found:
        assert each.at.line is not None and each.at.column is not None
        line = definition(field, source).splitlines()[each.at.line - 1]
        assert line[each.at.column - 1 :].replace('\\"', '"').startswith(str(part))
        assert each.hint


@pytest.mark.parametrize(("field", "source", "message", "hint"), [
    ("condition", "{{input.text}} > 10",
     "'input.text > 10' always fails: text and number cannot be ordered.",
     "Write input.text|float > 10."),
    ("condition", "input.count < '10'",
     "\"input.count < '10'\" always fails: number and text cannot be ordered.",
     "Write input.count < 10."),
    ("condition", "input.tags > 3", "list and number cannot be ordered",
     "Write input.tags|length > 3."),
    ("condition", "input.text < now()", "text and moment cannot be ordered",
     "Write datetime(input.text) < now()."),
    ("condition", "'a' in input.count", '"in" does not work on number.', ""),
    ("condition", "input.count in input.text", "number cannot be in text",
     "Write input.count|string in input.text."),
    ("condition", "{{input.text}}", "A condition must be true or false, and 'input.text' is text.",
     "input.text == 'yes', or input.text|bool"),
    ("condition", "input.tags", "is list.", "Write input.tags|length > 0."),
    ("condition", "input.kind == 'bgu'", "'input.kind' is never 'bgu'.", "Did you mean 'bug'?"),
    ("condition", "input.kind == input.level", "'input.kind' and 'input.level' are never equal.",
     "The first is 'bug' or 'wish' or 'praise', the second 'low' or 'high'."),
    ("template", "{{ input.text + 1 }}", "text and number cannot be added.",
     "Write input.text ~ 1 to join texts"),
    ("template", "{{ input.tags|upper }}", "'upper' needs text, and this is list.",
     "Write input.tags|map('upper') for each item"),
    ("template", "{{ input.count|length }}", "'length' needs text, a list or an object", ""),
    ("template", "{% for t in input.text %}{{ t }}{% endfor %}",
     "'for' always fails: it needs a list, and 'input.text' is text.", "input.text|split(',')"),
    ("template", "{{ now() + 60 }}", "moment and number cannot be added", "now() + duration(60)"),
    ("template", "{{ input.maybe * 2 }}", "null or text and number cannot be multiplied", ""),
])  # fmt: skip
def test_a_finding_names_the_expression_the_kinds_and_a_remedy(
    field: str, source: str, message: str, hint: str
) -> None:
    [found] = found_in(field, source)
    assert message in found.message
    assert hint in (found.hint or "")


ROUTE = """\
input:
  kind: {type: string, enum: [bug, wish]}
  flag: boolean
  text: string
nodes:
  - id: route
    type: switch
    config:
      value: "%s"
      cases: {%s}
      %s
  - {id: end, type: end}
"""


@pytest.mark.parametrize(("value", "cases", "rest", "branches"), [
    ("{{input.kind}}", "bug: end, wihs: end", "", ["wihs"]),
    ("{{input.kind}}", "bug: end, wish: end", "", []),
    ("{{input.kind}}", "bug: end, wish: end", "default: end", ["default"]),
    ("{{input.kind}}", "bug: end", "default: end", []),
    ("{{input.kind|upper}}", "BUG: end, wish: end", "default: end", ["wish"]),
    ("{{input.flag}}", "'true': end, 'false': end, 'yes': end", "", ["yes"]),
    ("{{input.text}}", "bug: end", "default: end", []),
    ("{{input.kind|default('none')}}", "bug: end, none: end, wish: end", "", []),
    ("{{input.kind|default('none')}}", "bug: end, nothing: end", "", ["nothing"]),
    ("fixed", "bug: end", "default: end", []),
])  # fmt: skip
def test_a_branch_that_no_value_leads_to_is_found(
    value: str, cases: str, rest: str, branches: list[str]
) -> None:
    text = ROUTE % (value, cases, rest)
    found = check_workflow(read_text(text), registry())
    assert [each.code for each in found] == ["unreachable-branch"] * len(branches)
    for each, branch in zip(found, branches, strict=True):
        assert repr(branch) in each.message and each.severity == "warning"
        assert each.at.line == (11 if branch == "default" else 10)


LOOP = {
    "id": "again",
    "type": "loop",
    "config": {"body": {"nodes": [{"id": "one", "type": "template", "config": {"template": "x"}}]}},
}


@pytest.mark.parametrize(("ends", "codes"), [
    ({"until": "{{input.text}} == 3"}, ["never-equal"]),
    ({"until": "{{one.output.text}} == 3"}, ["never-equal"]),
    ({"until": "{{one.output.txt}} == 'x'"}, ["unknown-field"]),
    ({"until": "{{one.output.text}} == 'x'"}, []),
    ({"until": "{{input.percent}} > 100"}, ["always-false"]),
    ({"until": "{{loop.index}} > 3"}, []),
    ({"while": "{{true}}", "break": "loop.index > 3"}, []),
    ({"while": "{{loop.index}} < input.count"}, []),
    ({"while": "{{input.text}}"}, ["type-mismatch"]),
    ({"until": "result.text == 'x' and item is defined"}, []),
])  # fmt: skip
def test_the_conditions_of_a_loop_are_looked_at(ends: dict[str, str], codes: list[str]) -> None:
    loop = {**LOOP, "config": {**LOOP["config"], **ends}}  # type: ignore[dict-item]
    workflow = {"input": CASES["input"], "nodes": [loop]}
    found = check_workflow(from_data(workflow), registry())
    assert [each.code for each in found if each.code != "unused-node"] == codes


PLACES = [
    'template: "{{«input.n|upper}}"',
    "template: 'it''s {{«input.n|upper}}'",
    'template: "\\"a\\"\\n\\u00e9\\\n        \\ {{«input.n|upper}}"',
    "template: a {{«input.n|upper}}",
    "template: a\n        b {{«input.n|upper}}",
    "template: |\n        a\n\n          b\n        {{«input.n|upper}}",
    "template: |-  # a comment\n        {% if true %}\n          {{«input.n|upper}}{% endif %}",
    "template: >\n        a\n        b\n\n        {{«input.n|upper}}",
    'template: "a\n        b\n\n        {{«input.n|upper}}"',
    'template: "{# c #}{{ 1 }} {%- set x = 2 %} {{«input.n|upper}}"',
    'template: &x "{{«input.n|upper}}"',
    "template: !!str '{{«input.n|upper}}'",
    "template: |2\n          {{«input.n|upper}}",
]


@pytest.mark.parametrize("text", PLACES)
def test_the_place_is_inside_the_text_where_that_is_certain(text: str) -> None:
    marked = (
        f"input: {{n: integer}}\nnodes:\n  - id: b\n    type: template\n    config:\n      {text}\n"
    )
    before = marked[: marked.index("«")]
    found = check_workflow(read_text(marked.replace("«", "")), registry())
    at = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert [(each.at.line, each.at.column) for each in found] == [at]
