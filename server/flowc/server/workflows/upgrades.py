"""Could a new version of a workflow take over a run that began with an old one?

It could, if nothing changed of what the run has been through, and of what it waits for: its outputs
would be what they are, and what is still to come would be the new version's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from flowc.compiler.definition import WorkflowDefinition
from flowc.compiler.reports.comparison import Change, compare
from flowc.server.records.runs import RunRecord


@dataclass(frozen=True)
class Verdict:
    """Whether a run could be taken over, and what speaks against it."""

    run_id: str
    version: int | None
    status: str
    reasons: tuple[str, ...]

    @property
    def is_possible(self) -> bool:
        """Whether nothing speaks against it."""
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
    """Say whether a definition could take over a run that began with another."""
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
        return f"The workflow's {what} changed, and the run has begun with what it was."
    return None


def _against_node(change: Change, name: str, been: Iterable[str], run: RunRecord) -> str | None:
    if name not in been:
        return None
    record = run.nodes.get(name)
    state = "waits in it" if record is not None and record.status == "waiting" else "has been in it"
    # What was added to a node changed it.
    how = "changed" if ":" in change.subject else change.kind
    return f"The node {name!r} was {how}, and the run {state}."
