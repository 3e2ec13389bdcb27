"""What is a run given of an earlier one, or of a made-up one, instead of doing it itself?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flowc.compiler.running.events import name_of

Place = tuple[str, str]


class Recorded(NamedTuple):
    """What a node did, or was to have done; with an `error` (code, message) it failed."""

    output: Any = None
    branch: str | None = None
    variables: Mapping[str, Any] = {}
    error: tuple[str, str] | None = None


class Recording:
    """What nodes of a run did, each time that they ran; whoever has it does not run them.

    `times` are what they did by path and id, one after the other; what comes after those happens
    anew. `always` are made-up ones by the names of nodes, for every time.

    A node in a body knows which turn it is in. At the top of a workflow, those that run again by
    edges (`repeating`) are counted, and have run as often as `done` says.
    """

    def __init__(
        self,
        times: Mapping[Place, Sequence[Recorded]],
        always: Mapping[str, Recorded],
        repeating: Iterable[str] = (),
        done: Mapping[str, int] | None = None,
    ) -> None:
        self._times, self._always = times, always
        self._repeating, self._done = frozenset(repeating), Counter(done or {})

    def of(self, path: str, node_id: str, turn: int) -> Recorded | None:
        """Return what a node is to have done this time; None if it runs."""
        if not path and node_id in self._repeating:
            turn = max(turn, self._done[node_id])
        made_up = self._always.get(name_of(path, node_id)) if self._always else None
        if made_up is not None:
            return made_up
        times = self._times.get((path, node_id), ())
        return times[turn] if turn < len(times) else None

    def count(self, path: str, node_id: str) -> None:
        """Note that a node has run."""
        if not path:
            self._done[node_id] += 1
