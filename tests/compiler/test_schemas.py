"""Schemas: what they mean, what is refused, and that nothing in them takes more than its steps.

The suite in `cases/json_schema_suite.json` is that of json-schema.org for 2020-12, without the
tests that fetch schemas; its license is beside it.
"""

import asyncio
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fakes.schema_attacks import ATTACKS, COSTLY, FITS, MISFIT, SchemaAttack
from flowc.compiler.definition import (
    BadSchema,
    TooCostly,
    find_problems,
    problems_of,
    to_json_schema,
)
from flowc.compiler.schemas.fitting import MOST_STEPS, QUICK_STEPS
from flowc.compiler.schemas.patterns import compile_pattern
from flowc.compiler.schemas.soundness import require_sound
from flowc.compiler.schemas.steps import StepBudget

SUITE = json.loads((Path(__file__).parent / "cases" / "json_schema_suite.json").read_text())


@pytest.mark.parametrize(("schema", "tests"), [row[1:] for row in SUITE], ids=[r[0] for r in SUITE])
def test_schemas_mean_what_the_standard_says(schema: Any, tests: list[tuple[Any, bool]]) -> None:
    require_sound(schema)
    assert [not problems_of(value, schema) for value, _ in tests] == [fits for _, fits in tests]


def outcome_of(attack: SchemaAttack) -> str:
    try:
        schema = to_json_schema(attack.input)
    except BadSchema as problem:
        return problem.code
    try:
        steps = MOST_STEPS if attack.outcome == COSTLY else attack.steps
        return MISFIT if problems_of({"x": attack.value}, schema, steps) else FITS
    except TooCostly:
        return COSTLY


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_no_schema_takes_more_than_its_steps(attack: SchemaAttack) -> None:
    assert outcome_of(attack) == attack.outcome


def test_there_are_as_many_attacks_as_promised() -> None:
    assert len(ATTACKS) >= 60


async def test_a_long_check_runs_in_a_thread_and_the_loop_continues() -> None:
    values = [{"n": n} for n in range(20_000)]
    checked = asyncio.create_task(find_problems(values, {"uniqueItems": True}))
    turns = 0
    while not checked.done():
        await asyncio.sleep(0)
        turns += 1
    # Both are done at the same time: the loop had turns while the thread worked.
    assert turns > 1 and await checked == []
    assert any(each.name.startswith("flowc-schemas") for each in threading.enumerate())


async def test_what_is_quick_is_checked_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", None)
    assert len(await find_problems({"n": "one"}, {"properties": {"n": {"type": "number"}}})) == 1
    with pytest.raises(TypeError):
        await find_problems(list(range(QUICK_STEPS)), {"uniqueItems": True})


async def test_a_check_whose_caller_is_cancelled_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[StepBudget] = []
    made = StepBudget.__init__

    def note(self: StepBudget, left: int) -> None:
        made(self, left)
        budgets.append(self)

    monkeypatch.setattr(StepBudget, "__init__", note)
    schema = {"items": {"anyOf": [{"const": n} for n in range(1_000)]}}
    checked = asyncio.create_task(find_problems([-1] * 10_000, schema))
    while len(budgets) < 2:
        await asyncio.sleep(0)
    checked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checked
    with pytest.raises(TooCostly):
        budgets[1].spend(0)


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        (r"^\d+$", ["12"], ["१२", "1 2", "12\n"]),
        (r"^\w$", ["a", "_"], ["é", "-"]),
        (r"^\s$", [" ", "\u00a0", "\ufeff", "\v"], ["\u200b", "a"]),
        (r"^\S$", ["a", "\u200b"], [" ", "\u3000"]),
        (r"^[\s\d]+$", ["1 \u2003"], ["a"]),
        (r"^[^\s]+$", ["ab"], ["a b"]),
        (r"^.$", ["a", "😀"], ["\n", "\r", "\u2028"]),
        (r"^\u0041\u{1F600}\ud83d\ude00\x41$", ["A😀😀A"], ["A😀A"]),
        (r"^\p{Lu}\p{Letter}+\P{L}$", ["Éa1"], ["éa1", "Éab"]),
        (r"^\p{Script=Greek}$", ["\u03b1"], ["a"]),
        (r"^\/\-\.\_$", ["/-._"], ["/-.x"]),
        (r"^\cA\0\v$", ["\x01\x00\x0b"], ["cA0v"]),
        (r"^[\b\-\]\[[]$", ["\b", "-", "]", "["], ["b"]),
        (r"^(?<year>\d{4})$", ["2026"], ["26"]),
        (r"^a{,2}$", ["a{,2}"], ["aa"]),
        (r"^{x}]$", ["{x}]"], ["x"]),
        (r"^[^]$", ["a", "\n"], ["", "ab"]),
        (r"^a[]$", [], ["a", ""]),
        (r"\bcat\b", ["a cat"], ["cats"]),
        (r"\Acat\Z", ["cat"], ["cat\n", "a cat"]),
        (r"^(?:ab){1,1500}$", ["ab" * 1500, "ab"], ["ab" * 1501, "a"]),
        (r"^[a-c]{1001,}$", ["abc" * 400], ["a" * 1000]),
        (r"^(a|(b{2000})c)$", ["a", "b" * 2000 + "c"], ["b" * 1999 + "c"]),
    ],
)
def test_patterns_mean_what_they_mean_in_javascript(
    pattern: str, fitting: list[str], others: list[str]
) -> None:
    found = compile_pattern(pattern)
    budget = StepBudget(MOST_STEPS)
    assert [text for text in [*fitting, *others] if found.occurs_in(text, budget)] == fitting


KEYWORDS: dict[str, list[Any]] = {
    "type": ["string", "integer", ["null", "array"], "object", "number", "boolean"],
    "enum": [[1, "a", None], [[1.0], {"a": False}]],
    "const": [0, False, [1], {"a": 1}],
    "minimum": [0, 1.5], "exclusiveMaximum": [1, 2.5], "multipleOf": [1, 2],
    "minLength": [0, 1, 2], "maxLength": [0, 1], "pattern": ["^a", "b$", "[0-9]"],
    "minItems": [1, 2], "maxItems": [0, 1], "uniqueItems": [True, False],
    "minProperties": [0, 1], "maxProperties": [1], "required": [["a"], ["a", "b"]],
    "dependentRequired": [{"a": ["b"]}],
}  # fmt: skip
SCALARS: list[Any] = [None, True, False, 0, 1, 1.0, 2, -3, 0.5, "", "a", "ab", "1"]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    if depth == 3 or chance.random() < 0.5:
        return chance.choice(SCALARS)
    items = [some_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return items if chance.random() < 0.5 else dict(zip("abcd", items, strict=False))


def some_schema(chance: random.Random, depth: int = 0) -> Any:
    if chance.random() < 0.1:
        return chance.random() < 0.7
    schema = {name: chance.choice(KEYWORDS[name]) for name in chance.sample([*KEYWORDS], 2)}
    if depth == 3:
        return schema

    def inner() -> Any:
        return some_schema(chance, depth + 1)

    makes: dict[str, Any] = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), lambda: [inner(), inner()]),
        **dict.fromkeys(("items", "contains", "not", "additionalProperties"), inner),
        **dict.fromkeys(("propertyNames", "unevaluatedItems", "unevaluatedProperties"), inner),
        **dict.fromkeys(("properties", "dependentSchemas"), lambda: {"a": inner(), "b": inner()}),
        "patternProperties": lambda: {"^a": inner(), "[bc]": inner()},
        "if": inner, "then": inner, "else": inner,
    }  # fmt: skip
    return {**schema, **{name: makes[name]() for name in chance.sample([*makes], 3)}}


@pytest.mark.parametrize("seed", range(8))
def test_values_fit_where_they_fit_for_jsonschema(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        schema = some_schema(chance)
        if isinstance(schema, bool):
            continue
        Draft202012Validator.check_schema(schema)
        require_sound(schema)
        validator = Draft202012Validator(schema)
        for _ in range(10):
            value = some_value(chance)
            assert (not problems_of(value, schema)) == validator.is_valid(value), (schema, value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": []}, {"type": ["string", "string"]}, {"type": 3}, {"enum": 1}, {"required": "a"},
        {"required": ["a", "a"]}, {"minLength": -1}, {"minLength": 1.5}, {"maximum": "1"},
        {"uniqueItems": 1}, {"properties": []}, {"properties": {"a": 1}}, {"allOf": []},
        {"allOf": {}}, {"items": [{}]}, {"$id": "a#b"}, {"$anchor": "1a"}, {"$anchor": "a b"},
        {"dependentRequired": {"a": "b"}}, {"multipleOf": 0}, {"title": 1}, {"$defs": {"a": []}},
        {"not": None}, {"if": 1}, {"pattern": 1}, {"examples": {}}, {"readOnly": "yes"},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_is_no_schema_for_jsonschema_is_refused(schema: Any) -> None:
    assert not Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(schema)
    with pytest.raises(BadSchema, match="not a JSON Schema"):
        require_sound({"properties": {"x": schema}})


def test_a_schema_within_a_short_form_is_found_once_at_each_level() -> None:
    form: Any = {"type": "string", "a": "string"}
    for _ in range(60):
        form = {"type": "string", "a": form}
    found = to_json_schema(form)
    for _ in range(60):
        found = found["properties"]["a"]
    assert found["properties"] == {"type": {"type": "string"}, "a": {"type": "string"}}
