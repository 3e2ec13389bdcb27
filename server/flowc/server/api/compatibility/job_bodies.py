"""A run as a job: the five states and the names that clients of other engines expect."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from flowc.server.api.paging import Page
from flowc.server.api.request_bodies import RequestBody
from flowc.server.records.run_errors import FailureJson
from flowc.server.records.runs import Run

JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
_RUNNING: Mapping[str, str] = {
    "waiting": "It waits for an answer, a signal or a time.",
    "paused": "It is paused until it is resumed.",
}


class JobBody(BaseModel):
    """A run as a job or an execution; `status` is one of five, and `detail` says what it does."""

    id: str
    job_id: str
    execution_id: str
    run_id: str
    workflow_id: str | None
    version: int | None
    status: JobStatus
    detail: str | None
    input: dict[str, Any]
    result: Any
    output: Any
    error: FailureJson | None
    usage: dict[str, float]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    current_node_id: str | None = Field(description="A node that runs or waits.")
    completed_node_ids: list[str]
    node_results: dict[str, Any] = Field(description="The outputs of completed nodes, by node.")
    execution_data: dict[str, Any] = Field(description="The input and the outputs so far.")


class JobPage(Page):
    """A page of jobs, newest first, without the outputs of their nodes."""

    items: list[JobBody]


class JobInput(RequestBody):
    """The input of a job; both names mean the same."""

    holder = "input"

    input: dict[str, Any] | None = None
    input_data: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one_input(self) -> Self:
        if self.input is not None and self.input_data is not None:
            raise ValueError("Give one of input and input_data.")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The input, under whichever name it came."""
        return self.input if self.input is not None else self.input_data or {}


def job_of(run: Run) -> JobBody:
    """Return a run as a job."""
    done = {id: node for id, node in run.nodes.items() if node.status == "completed"}
    at_work = [id for id, node in run.nodes.items() if node.status in {"running", "waiting"}]
    results = {id: node.output for id, node in done.items()}
    return JobBody.model_validate(
        {
            "id": run.id,
            "job_id": run.id,
            "execution_id": run.id,
            "run_id": run.id,
            "workflow_id": run.workflow_id,
            "version": run.version,
            "status": "running" if run.status in _RUNNING else run.status,
            "detail": _RUNNING.get(run.status),
            "input": run.input,
            "result": run.output,
            "output": run.output,
            "error": run.error,
            "usage": run.usage,
            "created_at": run.created_at,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "current_node_id": at_work[-1] if at_work else None,
            "completed_node_ids": list(done),
            "node_results": results,
            "execution_data": {"input": run.input, "outputs": results},
        }
    )
