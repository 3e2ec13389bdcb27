"""What is known of a run before it begins: in which order, together with what, touching what?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.analysis.draft import Draft
from flowc.compiler.analysis.references import uses_in
from flowc.compiler.node import Effects


@dataclass(frozen=True)
class Join:
    """A node that waits for several others."""

    node: str
    waits_for: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class Forecast:
    """What is known of the runs of a workflow, or of a body in it; what bodies touch counts.

    Each step holds the nodes that come equally many edges after the beginning: they can run at
    the same time, unless branches exclude each other. `runs` says how often a body runs in one run
    of its node, at least and at most; None is without a limit.
    """

    steps: tuple[tuple[str, ...], ...]
    joins: tuple[Join, ...]
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
            "regions": {name: region.as_json() for name, region in self.regions.items()},
            "runs": list(self.runs),
            "hosts": list(self.hosts),
            "models": list(self.models),
            "files": list(self.files),
            "secrets": list(self.secrets),
        }


def forecast(draft: Draft, runs: tuple[int, int | None] = (1, 1)) -> Forecast:
    """Say what can be said of the runs of a checked workflow."""
    own = [effects_of(draft, name) for name in draft.graph.order]
    regions = {name: _region(draft, name) for name in draft.graph.order if draft.inside(name)}
    inner = regions.values()
    return Forecast(
        steps=tuple(_steps(draft)),
        joins=tuple(_joins(draft)),
        regions=regions,
        runs=runs,
        hosts=_once([e.hosts for e in own], [region.hosts for region in inner]),
        models=_once([e.models for e in own], [region.models for region in inner]),
        files=_once([e.files for e in own], [region.files for region in inner]),
        secrets=_once([_secrets(draft)], [region.secrets for region in inner]),
    )


def effects_of(draft: Draft, name: str) -> Effects:
    """Return what one node can touch."""
    return draft.types[name].effects(draft.nodes[name].config)


def body_runs(draft: Draft, name: str) -> tuple[int, int | None]:
    """Return how often a node runs its body, at least and at most."""
    return draft.types[name].body_runs(draft.nodes[name].config)


def _region(draft: Draft, name: str) -> Forecast:
    body = draft.inside(name)
    assert body is not None  # asked of nodes with one
    return forecast(body, body_runs(draft, name))


def _steps(draft: Draft) -> Iterator[tuple[str, ...]]:
    depth: dict[str, int] = {}
    for name in draft.graph.order:
        before = [depth[e.source] for e in draft.graph.forward_incoming[name] if e.source in depth]
        depth[name] = max(before, default=-1) + 1
    for level in range(max(depth.values(), default=-1) + 1):
        yield tuple(name for name, at in depth.items() if at == level)


def _joins(draft: Draft) -> Iterator[Join]:
    for name in draft.graph.order:
        sources = tuple(edge.source for edge in draft.graph.forward_incoming[name])
        if len(sources) > 1:
            yield Join(name, sources, draft.nodes[name].join)


def _secrets(draft: Draft) -> tuple[str, ...]:
    return tuple(
        str(use.reference.path[1])
        for name in draft.graph.order
        for use in uses_in(draft.configurations[name])
        if use.reference.path[0] == "secrets" and len(use.reference.path) > 1
    )


def _once(*groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for items in group for item in items))
