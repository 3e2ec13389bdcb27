"""Recordings: results of an earlier run, or mocks, that a run uses instead of running nodes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flowc.compiler.running.event_data import ReadsData
from flowc.compiler.running.events import name_of

# A node in a run: its path and its id.
RecordedPlace = tuple[str, str]


class Recorded(NamedTuple):
    """A recorded or mocked result of a node; with an `error` (code, message), it failed."""

    output: Any = None
    branch: str | None = None
    variables: Mapping[str, Any] = {}
    error: tuple[str, str] | None = None


class Recording:
    """Results that a run takes instead of running its nodes.

    `times` has the results of each node by path and id, in order; once they are used up, the node
    runs. `always` has mocks by node name, which apply every time.

    `reads` has the times and seeds that expressions of nodes read, in order.

    The path of a node in a body says which turn it is in. At the top of a workflow there is no such
    path: nodes that edges run repeatedly (`repeating`) are counted, starting from `done`.
    """

    def __init__(
        self,
        times: Mapping[RecordedPlace, Sequence[Recorded]],
        always: Mapping[str, Recorded],
        repeating: Iterable[str] = (),
        done: Mapping[str, int] | None = None,
        reads: Mapping[RecordedPlace, Sequence[ReadsData]] | None = None,
    ) -> None:
        self._times, self._always, self._reads = times, always, reads or {}
        self._repeating, self._done = frozenset(repeating), Counter(done or {})

    def of(self, path: str, node_id: str, turn: int) -> Recorded | None:
        """Return the result of a node this time, or None if it must run."""
        turn = self._turn(path, node_id, turn)
        made_up = self._always.get(name_of(path, node_id)) if self._always else None
        if made_up is not None:
            return made_up
        times = self._times.get((path, node_id), ())
        return times[turn] if turn < len(times) else None

    def reads_of(self, path: str, node_id: str, turn: int) -> ReadsData | None:
        """Return the time and seed that a node's expressions read this time, or None."""
        reads = self._reads.get((path, node_id), ())
        turn = self._turn(path, node_id, turn)
        return reads[turn] if turn < len(reads) else None

    def _turn(self, path: str, node_id: str, turn: int) -> int:
        is_counted = not path and node_id in self._repeating
        return max(turn, self._done[node_id]) if is_counted else turn

    def count(self, path: str, node_id: str) -> None:
        """Count an execution of a node."""
        if not path:
            self._done[node_id] += 1
