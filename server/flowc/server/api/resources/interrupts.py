"""What runs wait for, over HTTP: people's tasks and their answers, and signals."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.interrupts import InterruptStatus
from flowc.server.store.runs.steering import NoSuchInterrupt

router = APIRouter(tags=["interrupts"], route_class=StrictRoute, responses=RESPONSES)

InterruptId = Annotated[str, Path(max_length=32)]


class InterruptBody(BaseModel):
    """What a run waits for, or has waited for; of a person's task, `data` is title and form."""

    id: str
    run_id: str
    node_id: str
    path: str
    kind: str
    status: InterruptStatus
    data: dict[str, Any]
    answer: Any
    created_at: datetime
    due_at: datetime | None
    answered_at: datetime | None


class Answering(BaseModel):
    """An answer: an object that fits the task's form; where there is none, just the choice."""

    answer: Any


class Sending(BaseModel):
    """A signal; one that is sent again with the same id is not sent twice."""

    name: str = Field(min_length=1, max_length=128)
    key: str = Field(default="", max_length=512)
    data: Any = None
    id: str | None = Field(default=None, min_length=1, max_length=64)


class Sent(BaseModel):
    """How many runs were waiting for a signal; it is kept for those that will."""

    runs: int


@router.get("/interrupts")
async def list_interrupts(
    process: CurrentProcess,
    status: InterruptStatus | None = "open",
    kind: Annotated[str | None, Query(max_length=16)] = None,
    run_id: Annotated[str | None, Query(max_length=64)] = None,
    assignee: Annotated[str | None, Query(max_length=500)] = None,
    role: Annotated[str | None, Query(max_length=500)] = None,
) -> list[InterruptBody]:
    """Return what runs wait for, oldest first: people's tasks with `kind=human`."""
    found = await process.stored_runs.interrupts(run_id=run_id, kind=kind, status=status)
    wanted = {"assignee": assignee, "role": role}
    return [
        InterruptBody.model_validate(each.as_json())
        for each in found
        if all(value is None or each.data.get(name) == value for name, value in wanted.items())
    ]


@router.get("/interrupts/{interrupt_id}")
async def get_interrupt(interrupt_id: InterruptId, process: CurrentProcess) -> InterruptBody:
    """Return what a run waits for, or what came of it."""
    found = await process.stored_runs.interrupt(interrupt_id)
    if found is None:
        raise NoSuchInterrupt
    return InterruptBody.model_validate(found.as_json())


@router.post("/interrupts/{interrupt_id}/answer", responses=CONFLICT)
async def answer_interrupt(
    interrupt_id: InterruptId, body: Answering, process: CurrentProcess
) -> InterruptBody:
    """Answer a person's task, once: the same answer again changes nothing, another is refused."""
    found = await process.runs.answer(interrupt_id, body.answer)
    return InterruptBody.model_validate(found.as_json())


@router.post("/signals")
async def send_signal(body: Sending, process: CurrentProcess) -> Sent:
    """Send a signal to the runs that wait for it by its name and key, or will."""
    return Sent(runs=await process.runs.signal(body.name, body.key, body.data, body.id))
