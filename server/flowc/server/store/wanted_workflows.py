"""Which workflows a list has, and in which orders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_

from flowc.server.store.parts import ListOrder
from flowc.server.store.tables import WorkflowRow


@dataclass(frozen=True)
class WantedWorkflows:
    """Which workflows of a list: those that fit all that is given here.

    `text` is somewhere in the id or the name; of `labels`, those without a value may have any.
    """

    text: str = ""
    labels: Sequence[tuple[str, str | None]] = ()


ALL_WORKFLOWS = WantedWorkflows()
WORKFLOW_ORDER = ListOrder(
    {name: getattr(WorkflowRow, name) for name in ("id", "name", "created_at", "updated_at")},
    WorkflowRow.id,
    "id",
)


def conditions_of(wanted: WantedWorkflows) -> Iterator[Any]:
    """Yield the conditions for a workflow to be in a list."""
    if wanted.text:
        texts = (WorkflowRow.id, WorkflowRow.name)
        yield or_(*(each.icontains(wanted.text, autoescape=True) for each in texts))
    for name, value in wanted.labels:
        label = WorkflowRow.labels[name].as_string()
        yield label.is_not(None) if value is None else label == value
