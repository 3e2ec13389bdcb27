"""The graph of a definition shows what can be read of it, with the places in its text."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notations import NOTATIONS
from flowc.compiler.analysis.readable_names import names_at_path
from flowc.compiler.check import examine
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data, read_text
from flowc.compiler.reports.graph_json import graph_as_json

REGISTRY = Registry.installed()
TEXT = """\
input: {message: string, order: {id: string, lines: [{price: number}]}}
variables: {count: 1}
nodes:
  - {id: first, type: template, config: {template: "a\\nb"}, on_error: {goto: last}}
  - id: which
    type: switch
    config: {value: "{{first.output.text}}", cases: {a: each, "b c": null}, default: gone}
    depends_on: [first]
  - id: each
    type: map
    config: {items: [1, 2], body: {steps: {in: {type: template, input: {template: "{{item}}"}}}}}
  - {id: off, type: template, disabled: true, config: {template: c}, depends_on: [each]}
  - {id: ask, type: agent, config: {prompt: Hi, tools: [{id: look-up, type: templat}]}}
  - {id: last, type: nothing, depends_on: [off, ask]}
edges:
  - {source: which, target: ask, branch: b c}
  - {source: ask, target: none}
"""


def _graph(text: str) -> Any:
    document = read_text(text)
    found = examine(document, REGISTRY)
    assert found.scope is not None
    return graph_as_json(found.scope, document)


def _excerpt(text: str, range: Any) -> str:
    lines = text.split("\n")[range["start"]["line"] - 1 : range["end"]["line"]]
    lines[-1] = lines[-1][: range["end"]["column"] - 1]
    lines[0] = lines[0][range["start"]["column"] - 1 :]
    return "\n".join(lines)


def test_branches_are_those_of_the_type_with_the_places_of_their_targets() -> None:
    nodes = {node["id"]: node for node in _graph(TEXT)["nodes"]}
    assert [(b["name"], b["target"], b["pointer"]) for b in nodes["which"]["branches"]] == [
        ("a", "each", "/nodes/1/config/cases/a"),
        ("b c", "ask", "/edges/0/target"),
        ("default", None, "/nodes/1/config/default"),
    ]
    assert [(b["name"], b["target"], b["pointer"]) for b in nodes["first"]["branches"]] == [
        ("done", "which", "/nodes/1/depends_on/0"),
        ("error", "last", "/nodes/0/on_error/goto"),
    ]
    assert (nodes["last"]["group"], nodes["off"]["disabled"]) == (None, True)
    assert (nodes["first"]["detail"], nodes["ask"]["detail"]) == ("a", "Hi")


def test_each_edge_has_the_places_where_it_is_written() -> None:
    edges = {(each["source"], each["target"]): each for each in _graph(TEXT)["edges"]}
    written = {ends: [_excerpt(TEXT, p["range"]) for p in e["places"]] for ends, e in edges.items()}
    assert written == {
        ("which", "each"): ["each"],
        ("which", "ask"): ["{source: which, target: ask, branch: b c}"],
        ("first", "which"): ["first"],
        ("each", "off"): ["each"],
        ("off", "last"): ["off"],
        ("ask", "last"): ["ask"],
        ("first", "last"): ["last"],
    }
    assert edges["first", "last"]["branches"] == ["error"]


def test_bodies_have_paths_and_steps_are_shown_with_their_names() -> None:
    nodes = {node["id"]: node for node in _graph(TEXT)["nodes"]}
    [step] = nodes["each"]["body"]["nodes"]
    assert (step["path"], nodes["each"]["body_pointer"]) == ("each.in", "/nodes/2/config/body")
    assert _excerpt(TEXT, step["range"]).startswith("in: {type")
    [tool] = nodes["ask"]["body"]["nodes"]
    assert (tool["path"], tool["group"]) == ("ask.look-up", None)


def test_a_loop_of_edges_is_closed_by_one() -> None:
    text = TEXT.replace("target: none", "target: which")
    closing = [each for each in _graph(text)["edges"] if each["closes_loop"]]
    assert [(each["source"], each["target"]) for each in closing] == [("ask", "which")]


def test_names_are_those_that_can_be_read_at_a_node() -> None:
    scope = examine(read_text(TEXT), REGISTRY).scope
    assert scope is not None
    found, is_cut = names_at_path(scope, "each.in")
    names = {each.name: each.type for each in found or ()}
    assert not is_cut
    assert names["input.order.id"] == "string"
    assert names["variables.count"] == "integer"
    assert names["first.output.text"] == "string"
    assert {"item", "index", "which.output.branch", "run.workflow"} <= names.keys()
    assert not {"last.output", "arguments", "secrets"} & names.keys()
    tool, _ = names_at_path(scope, "ask.look-up")
    assert "arguments" in {each.name for each in tool or ()}


def test_many_names_are_cut() -> None:
    fields = {f"field_{number}": "string" for number in range(300)}
    node = {"id": "a", "type": "template", "config": {"template": "x"}}
    scope = examine(from_data({"input": fields, "nodes": [node]}), REGISTRY).scope
    assert scope is not None
    found, is_cut = names_at_path(scope, "a")
    assert (len(found or ()), is_cut) == (200, True)


GOOD = read_text(TEXT).data
JUNK = st.sampled_from(
    [None, 0, 1.5, True, "", "x", "{{", "{{ x.y", [], {}, [None], {"a": 1}, [[]], "first", " "]
)


def _paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, (dict, list)):
            yield from _paths(item, (*path, key))


PATHS = list(_paths(GOOD))


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from(["set", "drop", "key"]), JUNK),
        min_size=1,
        max_size=4,
    ),
    notation=st.sampled_from(["json", "yaml", "yaml-flow"]),
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_wrong_the_other_nodes_are_drawn(changes: list[Any], notation: str) -> None:
    data = deepcopy(GOOD)
    for path, how, junk in changes:
        _spoil(data, path, how, junk)
    text = NOTATIONS[notation](data)
    document = read_text(text)
    found = examine(document, REGISTRY)
    touched = {path[1] for path, _, _ in changes if path[0] == "nodes" and len(path) > 1}
    is_whole = all(len(path) > 1 or path[0] not in {"nodes", "edges"} for path, _, _ in changes)
    if found.scope is None:
        assert not is_whole
        return
    graph = graph_as_json(found.scope, document)
    drawn = {node["id"] for node in graph["nodes"]}
    dropped = any(how == "drop" for _, how, _ in changes)
    if is_whole and not dropped:
        assert {n["id"] for i, n in enumerate(GOOD["nodes"]) if i not in touched} <= drawn
    for node in graph["nodes"]:
        assert node["range"] is not None
        names_at_path(found.scope, node["path"])


def _spoil(data: Any, path: tuple[Any, ...], how: str, junk: Any) -> None:
    holder = data
    try:
        for part in path[:-1]:
            holder = holder[part]
        value = holder[path[-1]]
        if how == "set":
            holder[path[-1]] = deepcopy(junk)
        elif how == "drop":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            del holder[path[-1]]
            holder[f"{path[-1]}_"] = value
    except (LookupError, TypeError):
        return
