"""What a line of the log is about: the request and the run in which it is written."""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})
# The fields of each line, as `request`, `run`, `node`, `tenant` and `workflow`; a task has those of
# the task that began it.
LOG_CONTEXT: ContextVar[Mapping[str, str]] = ContextVar("flowc log context", default=NOTHING)


def run_fields(id: str, tenant: str, workflow_id: str | None) -> Mapping[str, str]:
    """Return the fields of the lines that are about a run."""
    workflow = {"workflow": workflow_id} if workflow_id is not None else {}
    return {"run": id, "tenant": tenant, **workflow}
