"""The state of a run in LangGraph: at most four channels, whatever the number of nodes.

Outputs and edges are stored as deltas, so the size of a checkpoint does not depend on how much was
stored before.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from langgraph.channels.delta import DeltaChannel

from flowc.compiler.running.settlement import merge_edges

# A snapshot holds every output. A run is restored from its last snapshot and the deltas after it,
# so rare snapshots make writing cheap, and only very long runs slow to restore.
SNAPSHOT_EVERY = 5_000


def _latest(old: Mapping[str, Any] | None, writes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged = dict(old or {})
    for write in writes:
        merged.update(write)
    return merged


def _settled(
    old: Mapping[str, Any] | None, writes: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    return merge_edges(old or {}, [news for write in writes for news in write])


Latest = Annotated[dict[str, Any], DeltaChannel(_latest, snapshot_frequency=SNAPSHOT_EVERY)]
Settled = Annotated[dict[str, Any], DeltaChannel(_settled, snapshot_frequency=SNAPSHOT_EVERY)]


class GraphState(TypedDict, total=False):
    """A run's state: plain JSON, in the same few channels for one node and for a thousand.

    Each channel costs time in each superstep, so a graph has only those that its workflow uses.
    """

    input: dict[str, Any]
    outputs: Latest


class StateWithEdges(GraphState, total=False):
    """The state of a workflow in which a run must remember how edges settled."""

    edges: Settled


class StateWithVariables(GraphState, total=False):
    """The state of a workflow with variables."""

    variables: Latest


class FullState(StateWithEdges, StateWithVariables, total=False):
    """The state with all channels."""


_STATES: dict[tuple[bool, bool], type[GraphState]] = {
    (False, False): GraphState,
    (True, False): StateWithEdges,
    (False, True): StateWithVariables,
    (True, True): FullState,
}


def state_with(*, edges: bool, variables: bool) -> type[GraphState]:
    """Return the type of a state with these channels."""
    return _STATES[edges, variables]
