"""Failures on paths of races: they end their paths, and the run only if no other path can win."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc.compiler.node import Outcome
from flowc.compiler.node.errors import Evidence
from flowc.compiler.planning.wiring import Wiring
from flowc.compiler.running.journal import Journal
from flowc.compiler.running.races import races_after
from flowc.compiler.running.run_context import NodeFailed


@dataclass
class HeldFailures:
    """The failures of a region that are held back, by node; `journal` outlives a crash."""

    wiring: Wiring
    journal: Journal
    _held: dict[str, tuple[NodeFailed, str]] = field(default_factory=dict)
    _won: set[str] = field(default_factory=set)

    def recorded(self, key: str, node_id: str) -> NodeFailed | None:
        """Return the failure of a node in an earlier attempt; `key` is that of its outcome."""
        found = self.journal.recorded(self._key(key))
        return None if found is None else _failure_from(found.output, node_id)

    def hold(self, key: str, node_id: str, failure: NodeFailed) -> None:
        """Hold a failure back; `key` is that of the node's outcome in the journal."""
        key = self._key(key)
        self._held[node_id] = failure, key
        self.journal.record(key, Outcome(_as_json(failure)))

    def blamed_for(self, race: str) -> NodeFailed | None:
        """Return the first failure that may be why no path has won a race."""
        each = ((name, failure) for name, (failure, _) in self._held.items())
        return next((f for name, f in each if race in races_after(self.wiring, name)), None)

    def won(self, race: str) -> None:
        """Note that a race was won: what failed on its paths need not run again."""
        self._won.add(race)

    def release(self) -> None:
        """Note that the run fails: if it is retried, what failed runs again."""
        for name, (_, key) in self._held.items():
            if not races_after(self.wiring, name) <= self._won:
                self.journal.record(f"{key}!over", Outcome(None))

    def _key(self, key: str) -> str:
        key = f"{key}!failed"
        while self.journal.recorded(f"{key}!over") is not None:
            key = f"{key}!over!failed"
        return key


def _as_json(failure: NodeFailed) -> dict[str, Any]:
    about = {"code": failure.code, "message": failure.message, "attempt": failure.attempt}
    evidence = failure.evidence
    within = list(evidence.at) if evidence.at is not None else None
    return {**about, "at": list(failure.at), "within": within, "evidence": evidence.as_json()}


def _failure_from(stored: Mapping[str, Any], node_id: str) -> NodeFailed:
    within = tuple(stored["within"]) if stored["within"] is not None else None
    evidence = Evidence(at=within, **stored["evidence"])
    at = tuple(stored["at"])
    return NodeFailed(stored["code"], stored["message"], node_id, stored["attempt"], at, evidence)
