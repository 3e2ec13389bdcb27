"""A node begins at the moment when all that it depends on has ended, and not a step later.

Nodes take virtual seconds, so these tests take none, and find the same moments each time.
"""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fakes.edge_notation import Choices, chooser, parse
from fakes.moments import EVEN, UNEVEN, begun, lasting, moments_of
from fakes.random_flows import timed_flows
from fakes.reference_interpreter import Flow, expected_moments
from fakes.segments import Run
from fakes.virtual_time import in_virtual_time
from flowc.compiler.node.interrupts import Answer

# Dataflow is what these promise; `node` has a barrier between steps.
DATAFLOW = pytest.mark.parametrize("granularity", ["auto", "fused"], indirect=True)


@pytest.mark.parametrize("name", EVEN)
@pytest.mark.usefixtures("granularity")
def test_where_steps_make_no_difference_nodes_begin_at_the_same_moments(name: str) -> None:
    text, takes, seconds, expected = EVEN[name]
    flow, choices = parse((text, takes, ""))
    assert in_virtual_time(begun(lasting(flow, choices, seconds))) == moments_of(expected)


@pytest.mark.parametrize("name", UNEVEN)
@DATAFLOW
def test_a_node_begins_when_all_that_it_depends_on_has_ended(name: str, granularity: str) -> None:
    text, takes, seconds, expected = UNEVEN[name]
    flow, choices = parse((text, takes, ""))
    assert in_virtual_time(begun(lasting(flow, choices, seconds))) == moments_of(expected)


@pytest.mark.parametrize("name", UNEVEN)
@pytest.mark.parametrize("granularity", ["node"], indirect=True)
def test_at_granularity_node_steps_delay_some_of_them(name: str, granularity: str) -> None:
    text, takes, seconds, expected = UNEVEN[name]
    flow, choices = parse((text, takes, ""))
    found, dataflow = in_virtual_time(begun(lasting(flow, choices, seconds))), moments_of(expected)
    assert found != dataflow
    assert {n: len(times) for n, times in found.items()} == {n: len(t) for n, t in dataflow.items()}
    assert all(a >= b for n in found for a, b in zip(found[n], dataflow[n], strict=True))


@DATAFLOW
def test_eight_chains_of_twelve_take_as_long_as_the_slowest(granularity: str) -> None:
    names = [[f"c{chain}n{index}" for index in range(12)] for chain in range(8)]
    edges = [pair for chain in names for pair in itertools.pairwise(chain)]
    edges += [("s", chain[0]) for chain in names] + [(chain[-1], "j") for chain in names]
    flow = Flow(["s", *(name for chain in names for name in chain), "j"], edges)
    seconds = {
        name: 50.0 if (index + number) % 2 else 5.0
        for number, chain in enumerate(names)
        for index, name in enumerate(chain)
    }
    found = in_virtual_time(begun(lasting(flow, {}, seconds)))
    assert found["j"] == [1 + 6 * 50 + 6 * 5]


@given(case=timed_flows())
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@DATAFLOW
def test_nodes_of_random_graphs_begin_at_the_moments_of_the_rule(
    case: tuple[Flow, Choices, dict[str, float]], granularity: str
) -> None:
    flow, choices, seconds = case
    expected = expected_moments(flow, chooser(flow, choices), seconds)
    found = in_virtual_time(begun(lasting(flow, choices, seconds)))
    assert found == {name: [moment] for name, moment in expected.items()}


@DATAFLOW
async def test_what_follows_an_answer_runs_before_another_person_has_answered(
    granularity: str,
) -> None:
    def human(id: str) -> dict[str, Any]:
        return {"id": id, "type": "human", "depends_on": ["a"]}

    def note(id: str, *after: str) -> dict[str, Any]:
        return {"id": id, "type": "note", "depends_on": list(after)}

    nodes = [note("a"), human("one"), human("two"), note("order", "one"), note("sign", "two")]
    run = Run({"nodes": [*nodes, note("end", "order", "sign")]})
    await run.resume()
    answers = {run.id_of("one"): Answer({"choice": "approve"})}
    await run.resume(answers)
    assert (run.turns, len(run.asked)) == ({"a": 1, "order": 1}, 1)
    await run.resume({**answers, run.id_of("two"): Answer({"choice": "approve"})})
    assert run.turns == {"a": 1, "order": 1, "sign": 1, "end": 1}
