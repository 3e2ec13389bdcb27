"""Decides races, in a resumed run as before; what was decided is in the journal."""

from collections.abc import Iterable, Iterator

from flowc.compiler.node import Outcome
from flowc.compiler.node.interrupts import Interrupt
from flowc.compiler.planning.wiring import Wire, Wiring
from flowc.compiler.running.events import NODE_CANCELLED, Event
from flowc.compiler.running.journal import Journal
from flowc.compiler.running.races import as_decided, is_decided
from flowc.compiler.running.settlement import SPENT, Edges, Settlement, arrive
from flowc.compiler.running.waits import places_of


def decide(wiring: Wiring, race: Wire, edges: Edges, journal: Journal, key: str) -> Settlement:
    """Decide a race, if it can be; `key` is that of its node's outcome in the journal."""
    key = f"{key}!decided"
    known = journal.recorded(key) if not is_decided(race, edges) else None
    if known is not None:
        return as_decided(race, known.output, edges)
    arrival = arrive(wiring, race, edges)
    if arrival.runs and SPENT in arrival.edges.values():
        live = [edge.source for edge in race.incoming if edges.get(edge.key) is True]
        journal.record(key, Outcome(live))
    return arrival


def cancellations(
    path: str, name: str, waited: Iterable[Interrupt], by: str, journal: Journal, key: str
) -> Iterator[Event]:
    """Yield that a node is cancelled, and the nodes in its body that waited, once."""
    key = f"{key}!cancelled"
    if journal.recorded(key) is not None:
        return
    journal.record(key, Outcome(by))
    places = [place for each in waited for place in places_of(each)]
    inside = [place for place in places if place[0].startswith(path)]
    for where, node_id in dict.fromkeys([(path, name), *inside]):
        yield NODE_CANCELLED.of_node(node_id, {"by": by}, where)
