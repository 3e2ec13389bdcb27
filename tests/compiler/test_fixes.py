"""A fix of a diagnostic is a change of the text, after which it is not reported any more."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notations import NOTATIONS, applied
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import read_text

REGISTRY = Registry.installed()
GOOD: dict[str, Any] = {
    "input": {"message": "string", "customer": "string", "lines": ["string"]},
    "variables": {"counter": "1"},
    "nodes": [
        {
            "id": "classify",
            "type": "classify",
            "config": {"text": "{{input.message}}", "labels": ["billing", "technical"]},
            "timeout": "30s",
        },
        {
            "id": "route",
            "type": "switch",
            "config": {
                "value": "{{ classify.output.label }}",
                "cases": {"billing": "answer", "technical": "repeat"},
                "default": "answer",
            },
        },
        {
            "id": "repeat",
            "type": "map",
            "config": {
                "items": "{{input.lines}}",
                "body": {
                    "nodes": [
                        {
                            "id": "shout",
                            "type": "template",
                            "config": {
                                "template": "Dear {{ item|upper }},\nit's: {{variables.counter}}"
                            },
                        }
                    ]
                },
            },
        },
        {
            "id": "decide",
            "type": "conditional",
            "config": {
                "condition": "{{classify.output.label}} == 'x' or '{{input.customer}}!' == \"y\"",
                "true_edge": "answer",
                "false_edge": "answer",
            },
            "depends_on": ["classify"],
        },
        {
            "id": "answer",
            "type": "template",
            "config": {"template": "For {{ input.customer }}"},
        },
    ],
    "edges": [
        {"source": "classify", "target": "route", "branch": "billing"},
        {"source": "classify", "target": "route", "branch": "technical"},
    ],
}
# The code of the diagnostic, and the path and the text of the mistake.
MISTAKES: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "a node type": ("unknown-node-type", ("nodes", 1, "type"), "swich"),
    "a node type by another name": ("unknown-node-type", ("nodes", 1, "type"), "Switch"),
    "an edge's target": ("unknown-node", ("edges", 0, "target"), "rout"),
    "an edge's branch": ("unknown-branch", ("edges", 0, "branch"), "biling"),
    "a dependency": ("unknown-node", ("nodes", 3, "depends_on", 0), "clasify"),
    "a branch's target": ("unknown-node", ("nodes", 1, "config", "cases", "billing"), "anser"),
    "a default": ("unknown-node", ("nodes", 1, "config", "default"), "anser"),
    "an error's target": ("unknown-node", ("nodes", 4, "on_error"), {"goto": "repeet"}),
    "an input": ("unknown-input", ("nodes", 0, "config", "text"), "{{input.mesage}}"),
    "an input twice": (
        "unknown-input",
        ("nodes", 4, "config", "template"),
        "\u00e9\U0001f600 {{input.custmer}}\n  it's \"{{ input['custmer'] }}\"",
    ),
    "a node in an expression": (
        "unknown-reference",
        ("nodes", 1, "config", "value"),
        "{{ clasify.output.label }}",
    ),
    "a node by key": (
        "unknown-reference",
        ("nodes", 1, "config", "value"),
        "{{nodes['clasify'].output.label}}",
    ),
    "a field": ("unknown-field", ("nodes", 1, "config", "value"), "{{ classify.output.labl }}"),
    "no output": ("unknown-reference", ("nodes", 1, "config", "value"), "{{ classify.label }}"),
    "a variable": (
        "unknown-variable",
        ("nodes", 2, "config", "body", "nodes", 0, "config", "template"),
        "line one: {{variables.countr}}\n\n   line two\n",
    ),
    "a name in a quoted part of a condition": (
        "unknown-input",
        ("nodes", 3, "config", "condition"),
        "'{{input.mesage}}!' == \"y\"",
    ),
    "a filter": (
        "invalid-expression",
        ("nodes", 4, "config", "template"),
        "Hi {{input.message|uper}}",
    ),
    "a test": (
        "invalid-expression",
        ("nodes", 3, "config", "condition"),
        "input.message is defned",
    ),
    "a length": (
        "unknown-field",
        ("nodes", 4, "config", "template"),
        "{{input.lines.length}} lines",
    ),
    "shell": (
        "foreign-reference",
        ("nodes", 4, "config", "template"),
        "It's ${input.message} here",
    ),
    "python": (
        "foreign-reference",
        ("nodes", 4, "config", "template"),
        "It's {input.message} here",
    ),
    "a duration": ("invalid-value", ("nodes", 0, "timeout"), "30 seconds"),
    "a choice": ("invalid-value", ("nodes", 0, "join"), "al"),
    "a text": ("invalid-value", ("nodes", 4, "name"), 5),
}
KEYS: dict[str, tuple[tuple[str | int, ...], str, str]] = {
    "a key of a node": (("nodes", 3), "depends_on", "depend_on"),
    "a key of a configuration": (("nodes", 1, "config"), "default", "defaultt"),
    "a key of an edge": (("edges", 0), "source", "from"),
    "a key of a workflow": ((), "variables", "vars"),
    "a key in a body": (("nodes", 2, "config", "body", "nodes", 0), "config", "params"),
}


def _check(text: str) -> list[Diagnostic]:
    try:
        return check_workflow(read_text(text), REGISTRY)
    except DefinitionRefused as refused:
        return list(refused.diagnostics)


def _changed(path: tuple[str | int, ...], new: Any) -> Any:
    data = found = deepcopy(GOOD)
    for part in path[:-1]:
        found = found[part]  # type: ignore[index]
    found[path[-1]] = new  # type: ignore[index]
    return data


def _identity(found: Diagnostic) -> tuple[str, str, str]:
    return found.code, found.message, found.at.pointer


def _assert_mended(text: str, found: Diagnostic) -> None:
    assert found.range is not None
    assert found.fixes, found
    for fix in found.fixes:
        after = applied(text, fix.changes)
        left = [each for each in _check(after) if _identity(each) == _identity(found)]
        assert not left, after


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_definition_without_mistakes_is_valid(notation: str) -> None:
    assert [each for each in _check(NOTATIONS[notation](GOOD)) if each.severity == "error"] == []


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_mended(mistake: str, notation: str) -> None:
    code, path, new = MISTAKES[mistake]
    text = NOTATIONS[notation](_changed(path, new))
    found = [each for each in _check(text) if each.code == code]
    assert found, _check(text)
    _assert_mended(text, found[0])


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_mended(key: str, notation: str) -> None:
    path, old, new = KEYS[key]
    data = found = deepcopy(GOOD)
    for part in path:
        found = found[part]  # type: ignore[index]
    renamed = {new if name == old else name: value for name, value in found.items()}
    found.clear()
    found.update(renamed)
    text = NOTATIONS[notation](data)
    [wrong] = [each for each in _check(text) if each.code == "unknown-key"]
    _assert_mended(text, wrong)


def _texts(
    data: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), item
        elif isinstance(item, (dict, list)):
            yield from _texts(item, (*path, key))


TEXTS = list(_texts(GOOD))


@given(
    place=st.sampled_from(TEXTS),
    at=st.integers(0, 60),
    letter=st.sampled_from(["", "x", "_", "aa", "é"]),
    notation=st.sampled_from(sorted(NOTATIONS)),
)
@settings(max_examples=250, deadline=None)
def test_every_fix_of_a_slip_mends_it(
    place: tuple[tuple[str | int, ...], str], at: int, letter: str, notation: str
) -> None:
    path, given_text = place
    at %= len(given_text)
    text = NOTATIONS[notation](_changed(path, given_text[:at] + letter + given_text[at + 1 :]))
    for found in _check(text):
        assert found.range is not None
        if found.fixes:
            _assert_mended(text, found)
