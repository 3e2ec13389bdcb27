"""A node gets another id in a text: all that names it changes, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notations import NOTATIONS
from flowc.compiler.analysis.renaming import CannotRename, rename_node
from flowc.compiler.analysis.scopes import Scope, resolve
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import Document, changed_text, read_text
from flowc.compiler.reading.library import Library

REGISTRY = Registry.installed()
# How a template reads the node called X; what is old stays as it is.
READS = (
    "{{X.output.text}}",
    "{{ X . output['text'] }} old.output",
    "{{nodes.X.output.text|upper}}",
    "{{ nodes['X'].output.text }}",
    '{{ nodes["X"].output.text }} old',
    "{% for a in X.output.items %}{{a}}{% endfor %}",
    "{% for old in X.output.items %}{{old}}{{old.output}}{% endfor %}{{X.output}}",
    "{% set a = X.output %}{{a.text}} {# old.output #}",
    "{% if X.output.text is defined %}\n  yes, it's\n\n    fine{% endif %}\nold: {{ X.output.text }}",
    "{{input.old}} {{variables.old}} {{ 'old.output' }} é😀 {{ X.output.text ~ X.output.text }}",
    "old",
)
CONDITIONS = (
    "{{X.output.text}} == 'old'",
    "X.output.text == 'old' and X.output.n > 1",
    "'{{X.output.text}}-{{nodes.X.output.n}}!' == \"old\" or input.old",
    "nodes['X'].output.text is defined",
)
Ids = Callable[[str], str]


def _config(kind: str, text: str, ids: Ids) -> dict[str, Any]:
    if kind == "conditional":
        return {"condition": text, "true_edge": ids("old"), "false_edge": "last"}
    if kind == "switch":
        return {"value": text, "cases": {"old": ids("old"), "b": None}, "default": ids("old")}
    if kind == "map":
        inner = {"id": "inner", "type": "template", "config": {"template": text}}
        return {"items": ["old"], "body": {"nodes": [inner]}}
    if kind == "loop":
        step = {"type": "template", "input": {"template": text}}
        return {"until": "old_inner.output.text", "body": {"steps": {"old_inner": step}}}
    if kind == "subworkflow":
        # It sees nothing of the workflow around it, so its node of that name is another one.
        said = {"id": "old", "type": "template", "config": {"template": "{{input.old}}"}}
        last = {"id": "end_of_it", "type": "end", "config": {"output": "{{old.output}}"}}
        edge = {"source": "old", "target": "end_of_it"}
        return {"workflow": {"nodes": [said, last], "edges": [edge]}, "input": {"old": text}}
    return {"template": text}


KINDS = ("template", "conditional", "switch", "map", "loop", "subworkflow", "nothing-known")
NODES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "text": st.sampled_from(READS),
            "condition": st.sampled_from(CONDITIONS),
            "after": st.booleans(),
            "goes": st.booleans(),
            "keyed": st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)


def _node(number: int, drawn: dict[str, Any], id: str, is_step: bool) -> dict[str, Any]:
    text = drawn["condition"] if drawn["kind"] == "conditional" else drawn["text"]
    config = _config(drawn["kind"], text.replace("X", id), lambda _: id)
    node: dict[str, Any] = {"type": drawn["kind"], "input" if is_step else "config": config}
    if drawn["after"]:
        node["depends_on"] = [id]
    if drawn["goes"]:
        node["on_error"] = {"goto": id}
    if drawn["keyed"]:
        node["concurrency"] = {"key": f"old {{{{ {id}.output.text }}}}"}
    return node if is_step else {"id": f"n{number}", **node}


def _build(drawn: list[dict[str, Any]], id: str, is_steps: bool) -> dict[str, Any]:
    """Return a definition in which a node has this id."""
    about = {"id": "old", "name": "old", "input": {"old": "string"}, "variables": {"old": "old"}}
    nodes = [_node(number, each, id, is_steps) for number, each in enumerate(drawn)]
    if is_steps:
        steps = {id: {"type": "template", "input": {"template": "old"}}}
        steps |= {f"n{number}": node for number, node in enumerate(nodes)}
        return {**about, "steps": {**steps, "last": {"type": "merge"}}}
    first = {"id": id, "type": "template", "config": {"template": "old"}}
    edges = [{"source": id, "target": "n0"}, {"source": "n0", "target": id, "branch": "old"}]
    last = {"id": "last", "type": "merge"}
    return {**about, "nodes": [first, *nodes, last], "edges": edges}


def _scope(document: Document) -> Scope:
    return resolve(read_definition(document), REGISTRY, Library())


def _renamed(text: str, path: str, new: str) -> str:
    changes = rename_node(read_text(text), path, new, _scope, read_text)
    return changed_text(text, changes)


@given(
    drawn=NODES,
    new=st.sampled_from(["new", "X1", "longer_name", "o"]),
    is_steps=st.booleans(),
    notation=st.sampled_from(sorted(NOTATIONS)),
)
@settings(max_examples=150, deadline=None)
def test_a_definition_means_the_same_with_another_id(
    drawn: list[dict[str, Any]], new: str, is_steps: bool, notation: str
) -> None:
    text = NOTATIONS[notation](_build(drawn, "old", is_steps))
    after = _renamed(text, "old", new)
    expected = _build(drawn, new, is_steps)
    found = read_text(after)
    assert found.data == expected
    assert list(found.data.get("steps", ())) == list(expected.get("steps", ()))
    assert (
        read_definition(found).hash == read_definition(read_text(NOTATIONS["json"](expected))).hash
    )
    assert _renamed(after, new, "old") == text


@given(
    drawn=NODES,
    is_steps=st.booleans(),
    notation=st.sampled_from(sorted(NOTATIONS)),
)
@settings(max_examples=60, deadline=None)
def test_an_id_with_a_hyphen_is_written_as_a_key(
    drawn: list[dict[str, Any]], is_steps: bool, notation: str
) -> None:
    text = NOTATIONS[notation](_build(drawn, "old", is_steps))
    try:
        after = _renamed(text, "old", "my-id")
    except CannotRename:
        # Brackets would be read as a list there.
        assert notation == "yaml-flow"
        return
    assert "my-id.output" not in after
    again = _renamed(after, "my-id", "the-id")
    assert _renamed(again, "the-id", "my-id") == after


TEXT = """\
# old
nodes:
  - {id: old, type: template, config: {template: a}}   # old
  - id: each
    type: map
    config:
      items: &list [1]
      body: {nodes: [{id: inner, type: template, config: {template: "{{item}}"}}]}
  - id: ask
    type: agent
    config:
      prompt: '{{old.output.text}}'
      tool_choice: look
      tools:
        - {id: look, type: template, config: {template: "{{old.output.text}} {{arguments.q}}"}}
edges:
  - {source: old, target: each}
  - {source: each, target: ask}
"""


def test_a_node_of_a_body_is_named_by_its_path() -> None:
    assert _renamed(TEXT, "each.inner", "other") == TEXT.replace("inner", "other")
    assert _renamed(TEXT, "ask.look", "find") == TEXT.replace("look", "find")


@pytest.mark.parametrize(
    ("path", "new", "code"),
    [
        ("old", "each", "duplicate-id"),
        ("old", "inner", "duplicate-id"),
        ("each.inner", "ask", "duplicate-id"),
        ("old", "2nd", "invalid-id"),
        ("old", "run", "reserved-id"),
        ("odl", "new", "unknown-node"),
        ("each.none", "new", "unknown-node"),
        ("none.inner", "new", "unknown-node"),
    ],
)
def test_what_cannot_be_is_refused(path: str, new: str, code: str) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        _renamed(TEXT, path, new)
    assert refused.value.diagnostics[0].code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TEXT.replace("type: map", "typ: map"), "unknown-key"),
        (TEXT.replace("{id: inner,", "{idd: inner,"), "unknown-key"),
        (TEXT.replace("nodes:", "nodes: ["), "invalid-yaml"),
        (TEXT + "  - {source: old, target: each}\nnodes: []\n", "duplicate-key"),
        (TEXT.replace("id: ask", "id: old"), "duplicate-id"),
    ],
)
def test_a_text_that_is_not_certain_is_refused(text: str, code: str) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        _renamed(text, "old", "new")
    assert code in {each.code for each in refused.value.diagnostics}


@pytest.mark.parametrize(
    ("text", "new"),
    [
        # Where the old name is read, the new one is read already.
        (TEXT.replace("'{{old.output.text}}'", "'{{old.output.text}}{{new.output}}'"), "new"),
        # In a body, that is a field of the run's input.
        (TEXT.replace("{{item}}", "{{old.output.text}}"), "input"),
    ],
)
def test_a_text_that_would_mean_something_else_is_refused(text: str, new: str) -> None:
    with pytest.raises(CannotRename, match="something else"):
        _renamed(text, "old", new)


def test_one_value_at_two_places_is_renamed_once() -> None:
    text = TEXT.replace("'{{old.output.text}}'", '&p "{{old.output.text}}"')
    text = text.replace('{template: "{{old.output.text}} {{arguments.q}}"}', "{template: *p}")
    assert _renamed(text, "old", "new") == text.replace("id: old,", "id: new,").replace(
        "{{old.", "{{new."
    ).replace("source: old", "source: new")


def test_the_same_id_changes_nothing() -> None:
    assert _renamed(TEXT, "old", "old") == TEXT
