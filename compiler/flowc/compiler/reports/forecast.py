"""Forecasts what a run will do: the order of its nodes, its joins, and what it can touch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.planning.plan import Plan, PlannedNode
from flowc.compiler.planning.wiring import Wiring


@dataclass(frozen=True)
class Join:
    """A node that waits for several others."""

    node: str
    waits_for: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class Turns:
    """A loop through edges: its nodes in their order, and how often they run at most."""

    nodes: tuple[str, ...]
    max_turns: int

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"nodes": list(self.nodes), "max_turns": self.max_turns}


@dataclass(frozen=True)
class Forecast:
    """What is known of the runs of a workflow, or of a body; it includes what bodies touch.

    Each step holds the nodes at the same distance from the start, in edges: they can run at the
    same time, unless branches exclude each other. `runs` is how often a body runs in one run of
    its node, at least and at most; None means no limit.
    """

    steps: tuple[tuple[str, ...], ...]
    joins: tuple[Join, ...]
    loops: tuple[Turns, ...]
    regions: Mapping[str, "Forecast"]
    runs: tuple[int, int | None]
    hosts: tuple[str, ...]
    models: tuple[str, ...]
    files: tuple[str, ...]
    secrets: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "steps": [list(step) for step in self.steps],
            "joins": [
                {"node": join.node, "waits_for": list(join.waits_for), "join": join.rule}
                for join in self.joins
            ],
            "loops": [loop.as_json() for loop in self.loops],
            "regions": {name: region.as_json() for name, region in self.regions.items()},
            "runs": list(self.runs),
            "hosts": list(self.hosts),
            "models": list(self.models),
            "files": list(self.files),
            "secrets": list(self.secrets),
        }


def forecast(plan: Plan, runs: tuple[int, int | None] = (1, 1)) -> Forecast:
    """Return what is known of the runs of a plan before they begin."""
    nodes = [plan.nodes[name] for name in plan.wiring.order]
    own = [node.effects for node in nodes]
    regions = {n.id: forecast(n.body, n.body_runs) for n in nodes if n.body is not None}
    inner = regions.values()
    return Forecast(
        steps=tuple(_steps(plan.wiring)),
        joins=tuple(_joins(nodes)),
        loops=tuple(Turns(c.around, c.max_turns) for node in nodes for c in node.closes),
        regions=regions,
        runs=runs,
        hosts=_once([e.hosts for e in own], [region.hosts for region in inner]),
        models=_once([e.models for e in own], [region.models for region in inner]),
        files=_once([e.files for e in own], [region.files for region in inner]),
        secrets=_once([n.secrets for n in nodes], [region.secrets for region in inner]),
    )


def _steps(wiring: Wiring) -> Iterator[tuple[str, ...]]:
    depth: dict[str, int] = {}
    levels: dict[int, list[str]] = {}
    for name in wiring.order:
        before = [depth[e.source] for e in wiring.wires[name].incoming if e.source in depth]
        depth[name] = max(before, default=-1) + 1
        levels.setdefault(depth[name], []).append(name)
    for level in sorted(levels):
        yield tuple(levels[level])


def _joins(nodes: Iterable[PlannedNode]) -> Iterator[Join]:
    for node in nodes:
        if node.wire.is_join:
            yield Join(
                node.id,
                tuple(edge.source for edge in node.wire.incoming),
                node.definition.join_text,
            )


def _once(*groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for items in group for item in items))
