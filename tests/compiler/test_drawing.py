"""A workflow is drawn by what its node types do, whatever names they have."""

from typing import Any

import pytest

from fakes.flows import registry
from flowc.compiler.analysis.scopes import resolve
from flowc.compiler.check import check_scope
from flowc.compiler.reading.dialects import read_definition
from flowc.compiler.reading.documents import from_data
from flowc.compiler.reading.library import Library
from flowc.compiler.reports.drawing import as_mermaid


def drawn(*nodes: Any) -> str:
    definition = read_definition(from_data({"nodes": list(nodes)}))
    flow, problems = check_scope(resolve(definition, registry(), Library()))
    assert flow is not None, problems
    return as_mermaid(flow)


@pytest.mark.parametrize(("entry", "exit"), [("start", "end"), ("input", "output")])
def test_where_a_run_starts_and_ends_is_rounded(entry: str, exit: str) -> None:
    nodes = [{"id": "a", "type": entry}, {"id": "z", "type": exit, "depends_on": ["a"]}]
    assert 'n0(["a"])' in drawn(*nodes)
    assert 'n1(["z"])' in drawn(*nodes)


def test_a_node_that_branches_is_a_decision() -> None:
    config = {"condition": "{{input.n}} > 1", "true_edge": "b", "false_edge": "c"}
    steps = [{"id": id, "type": "template", "config": {"template": id}} for id in "bc"]
    assert 'n0{{"a"}}' in drawn({"id": "a", "type": "conditional", "config": config}, *steps)
    assert 'n0["b"]' in drawn(steps[0])
