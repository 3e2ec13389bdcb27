"""Every diagnostic has a hint, or the reason why it has none is stated."""

from pathlib import Path

import pytest

from fakes.flows import registry
from flowc.compiler.check import check_workflow
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Problem
from flowc.compiler.reading.documents import from_data, read_file, read_text
from flowc.compiler.reading.remedies import OF_ENVIRONMENT, REMEDIES, WITHOUT_HINT
from flowc.compiler.reports.explanations import explanations

CODES = sorted(explanations())
# Their examples are no text of a definition, or are refused at other times than by a check.
NOT_A_TEXT = {
    "unreadable-file",
    "not-a-workflow",
    "too-many-nodes",
    "broken-workflow",
    *OF_ENVIRONMENT,
}


def diagnostics(text: str, file: str | None = None) -> list[Diagnostic]:
    try:
        return check_workflow(read_text(text, file), registry())
    except DefinitionRefused as refused:
        return list(refused.diagnostics)


def test_each_code_has_a_hint_of_its_own_or_a_reason_for_none() -> None:
    assert sorted([*REMEDIES, *WITHOUT_HINT]) == CODES
    assert all(hint.endswith(".") for hint in REMEDIES.values())


@pytest.mark.parametrize("code", CODES)
def test_a_problem_whose_check_gives_no_hint_gets_the_one_of_its_code(code: str) -> None:
    found = from_data({}).diagnostic(Problem(code, "It is wrong.", ()))
    assert found.hint == REMEDIES.get(code)
    assert (found.hint is None) == (code in WITHOUT_HINT)
    own = from_data({}).diagnostic(Problem(code, "It is wrong.", (), "Do this."))
    assert own.hint == "Do this."


@pytest.mark.parametrize("code", sorted(set(CODES) - NOT_A_TEXT))
def test_the_wrong_example_of_a_code_gets_a_hint(code: str) -> None:
    file = "example.json" if code == "invalid-json" else None
    found = [each for each in diagnostics(explanations()[code].bad, file) if each.code == code]
    assert found
    assert all(bool(each.hint) != (code in WITHOUT_HINT) for each in found)


def test_a_file_that_cannot_be_read_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        read_file(tmp_path / "none.yaml")
    [found] = refused.value.diagnostics
    assert found.hint == REMEDIES["unreadable-file"]


CLOSE_HINTS = {
    "nodes:\n  - {id: a, type: template, config: {template: {{input.x}}}}": 'template: "{{input.x}}"',
    "nodes:\n  - id: a\n    name: Say: hello": 'name: "Say: hello"',
    "nodes:\n - id: a\n    type: x": "Indent the keys of an object equally.",
    "nodes:\n\t- {id: a}": "spaces, not tabs",
    "nodes:\n  - {id: a type: template}": "commas between the entries",
    "nodes:\n  - {id: 'a, type: template}": "Close the quotes",
    "nodes:\n  - {id: @a}": "begins with @",
    "nodes:\n  - {id: *a}": "Put a text with * into quotes",
    "nodes: []\n---\nnodes: []": "files of their own",
    "nodes: !x []": "Leave the tag out",
}  # fmt: skip


@pytest.mark.parametrize("text", CLOSE_HINTS)
def test_the_hint_of_a_text_that_is_not_yaml_is_about_its_line(text: str) -> None:
    [found] = diagnostics(text)
    assert found.code == "invalid-yaml"
    assert CLOSE_HINTS[text] in (found.hint or "")


def hints(text: str) -> list[str | None]:
    found: list[Diagnostic] = diagnostics(text)
    return [each.hint for each in found if each.severity != "info"]


def test_a_second_node_with_an_id_gets_a_free_one() -> None:
    node = "{id: a, type: template, config: {template: x}}"
    free = node.replace("id: a", "id: a_2")
    assert hints(f"nodes: [{node}, {free}, {node}]") == ["Use another id, such as a_3."]


def test_a_value_of_the_wrong_type_gets_the_filter_that_converts_it() -> None:
    text = """\
input: {tags: [string], count: integer}
nodes:
  - {id: a, type: fail, config: {message: "{{input.tags}}"}}
  - {id: b, type: map, config: {items: "{{input.count}}", body: {nodes: [{id: c, type: template, config: {template: x}}]}}}
"""
    assert hints(text) == [
        "Write {{input.tags|tojson}}.",
        "Write {{[input.count]}} for a list of this value.",
    ]
