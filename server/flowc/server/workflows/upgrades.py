"""Judges whether a new version of a workflow could take over a run that started with an old one.

It could if nothing changed in the nodes that the run has passed, or waits in: its outputs so far
would be the same, and the new version would only decide how it continues.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reports.comparison import Change, compare
from flowc.server.records.runs import RunRecord


@dataclass(frozen=True)
class Verdict:
    """Whether a run could be taken over, and the reasons against it."""

    run_id: str
    version: int | None
    status: str
    reasons: tuple[str, ...]

    @property
    def is_possible(self) -> bool:
        """Whether there is no reason against it."""
        return not self.reasons

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form."""
        return {
            "run_id": self.run_id,
            "version": self.version,
            "status": self.status,
            "can_take_over": self.is_possible,
            "reasons": list(self.reasons),
        }


def judge(run: RunRecord, old: WorkflowDefinition, new: WorkflowDefinition) -> Verdict:
    """Return whether a definition could take over a run that started with another."""
    been = {name.split(".")[0] for name in run.nodes}
    reasons = [why for change in compare(old, new) if (why := _against(change, been, run))]
    return Verdict(run.id, run.version, run.status, tuple(dict.fromkeys(reasons)))


def _against(change: Change, been: set[str], run: RunRecord) -> str | None:
    what, _, rest = change.subject.partition(" ")
    if what == "node":
        return _against_node(change, rest.split(":")[0].split(".")[0].strip(), been, run)
    if what == "edge":
        ends = [end.strip() for end in rest.split("→")]
        if ends[-1].split(" ")[0] in been:
            return f"The edge {rest.strip()} was {change.kind}, and the run has passed its end."
        return None
    if what.split(".")[0] in {"input", "variables"}:
        return f"The workflow's {what} changed, and the run started with the old {what}."
    return None


def _against_node(change: Change, name: str, been: Iterable[str], run: RunRecord) -> str | None:
    if name not in been:
        return None
    record = run.nodes.get(name)
    state = "waits in it" if record is not None and record.status == "waiting" else "has run it"
    # Something added to a node is a change of the node.
    how = "changed" if ":" in change.subject else change.kind
    return f"The node {name!r} was {how}, and the run {state}."
