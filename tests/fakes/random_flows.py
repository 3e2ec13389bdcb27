"""Draws random workflows for property tests."""

from hypothesis import strategies as st

from fakes.edge_notation import Choices
from fakes.reference_interpreter import Flow


@st.composite
def acyclic_flows(draw: st.DrawFn) -> tuple[Flow, Choices]:
    count = draw(st.integers(2, 12))
    names = [f"n{index}" for index in range(count)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = [pair for pair in pairs if draw(st.integers(0, 9)) < 4]
    branching = [name for name in names if draw(st.booleans())]
    choices = {
        name: [{b for a, b in edges if a == name and draw(st.integers(0, 9)) < 6}]
        for name in branching
    }
    joins = {name: "all" for name in names if draw(st.integers(0, 9)) < 3}
    return Flow(names, edges, joins), choices


@st.composite
def timed_flows(draw: st.DrawFn) -> tuple[Flow, Choices, dict[str, float]]:
    flow, choices = draw(acyclic_flows())
    return flow, choices, {name: float(draw(st.integers(1, 9))) for name in flow.nodes}


@st.composite
def racing_flows(draw: st.DrawFn) -> tuple[Flow, Choices, dict[str, float]]:
    """Draw flows with races, in which no two nodes end at the same moment."""
    flow, choices = draw(acyclic_flows())
    for name in flow.nodes:
        count = sum(edge[1] == name for edge in flow.edges)
        if count > 1 and draw(st.booleans()):
            flow.joins[name] = draw(st.sampled_from(["first", "first", *map(str, range(1, count))]))
    seconds = {
        name: draw(st.integers(1, 9)) + 2.0 ** -(index + 1) for index, name in enumerate(flow.nodes)
    }
    return flow, choices, seconds


@st.composite
def nested_flows(draw: st.DrawFn) -> tuple[Flow, Choices, dict[str, float]]:
    """Draw forks, branches and loops, one within the other, with nodes beside them."""
    flow, choices = Flow([], []), Choices()

    def node() -> str:
        flow.nodes.append(f"n{len(flow.nodes)}")
        return flow.nodes[-1]

    def part(depth: int) -> tuple[str, str]:
        """Add a part, and return its first and its last node."""
        kind = draw(st.sampled_from(["one", "chain", "fork", "branch", "loop"])) if depth else "one"
        first = inner = last = node()
        if kind in {"fork", "branch"}:
            ways = [part(depth - 1) for _ in range(draw(st.integers(2, 3)))]
            last = node()
            flow.edges.extend(edge for a, b in ways for edge in ((first, a), (b, last)))
            if kind == "branch":
                choices[first] = [{draw(st.sampled_from(ways))[0]} for _ in range(3)]
        elif kind != "one":
            inner, end = part(depth - 1)
            last = node()
            flow.edges += [(first, inner), (end, last)]
        if kind == "loop":
            deciding, last = last, node()
            flow.edges += [(deciding, inner), (deciding, last)]
            turns = draw(st.integers(0, 2))
            choices[deciding] = [*([{inner}] * turns), {last}]
        if first not in choices and draw(st.integers(0, 9)) == 0:
            flow.edges.append((first, node()))
        return first, last

    part(draw(st.integers(1, 4)))
    seconds = {name: float(draw(st.integers(1, 5))) for name in flow.nodes}
    return flow, choices, seconds
