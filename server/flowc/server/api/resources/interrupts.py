"""Routes for what runs wait for: questions to people and their answers, and signals."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from flowc.server.access.callers import Caller
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.paging import PageLimit, PageOffset
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.interrupts import InterruptStatus
from flowc.server.store.runs.steering import NoSuchInterrupt
from flowc.server.store.runs.stored_runs import WantedInterrupts

router = APIRouter(tags=["interrupts"], route_class=StrictRoute, responses=RESPONSES)

InterruptId = Annotated[str, Path(max_length=32, description="Id of the interrupt.")]


class InterruptBody(BaseModel):
    """Something that a run waits for, or has waited for: a question, a signal or a time."""

    id: str
    run_id: str
    node_id: str
    path: str = Field(description="Where the node runs; empty outside of loops and maps.")
    kind: str = Field(
        description="`human` (a question to a person), `signal`, `timer` or `breakpoint`."
    )
    status: InterruptStatus = Field(
        description="`late` when it timed out, `closed` when the run ended without an answer."
    )
    data: dict[str, Any] = Field(
        description="For a question: its `title`, `instructions`, and the `schema` of its answer."
    )
    answer: Any
    created_at: datetime
    due_at: datetime | None = Field(description="When it times out.")
    answered_at: datetime | None
    answered_by: str | None = Field(description="Who answered: a key, or the subject of a token.")
    workflow_id: str | None = Field(description="The run's workflow, if it is a stored one.")
    workflow_name: str | None


class InterruptCount(BaseModel):
    """How many things runs wait for."""

    count: int


class AnswerRequest(RequestBody):
    """The answer to a question."""

    answer: Any = Field(
        description="An object that fits the question's `schema`, or one of its choices as text."
    )


class SignalRequest(RequestBody):
    """A signal to the runs that wait for its name and key."""

    name: str = Field(min_length=1, max_length=128)
    key: str = Field(default="", max_length=512, description="Such as the number of an order.")
    data: Any = Field(default=None, description="The output of the waiting nodes.")
    id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="A signal that was sent before with this id is ignored, so sending may be"
        " retried; another signal with the id is refused with 409.",
    )


class SignalReceipt(BaseModel):
    """Confirms a signal; it is stored for runs that wait for it later."""

    runs: int = Field(description="Number of runs that were waiting for it.")


# The field of a question in which a caller is named, or a group of the caller.
_MINE = {"me": "assignee", "groups": "role"}


def _own(caller: Caller, asks: str) -> set[str]:
    return set(caller.names if asks == "me" else caller.groups)


@dataclass(frozen=True)
class AssignedTo:
    """Whom a question names."""

    assignee: Annotated[
        str | None, Query(max_length=500, description="The assignee that the question names.")
    ] = None
    role: Annotated[
        str | None, Query(max_length=500, description="The role that the question names.")
    ] = None
    asks: Annotated[
        Literal["me", "groups"] | None,
        Query(
            description="Only questions that name the caller (`me`), or a group that the caller is"
            " in, as their role (`groups`)."
        ),
    ] = None

    def texts(self, caller: Caller) -> dict[str, Collection[str]]:
        """Return the texts that each field of a question may have."""
        found: dict[str, Collection[str]] = {}
        if self.assignee is not None:
            found["assignee"] = {self.assignee}
        if self.role is not None:
            found["role"] = {self.role}
        if self.asks is not None:
            field, mine = _MINE[self.asks], _own(caller, self.asks)
            found[field] = mine & set(found.get(field, mine))
        return found


@dataclass(frozen=True)
class PartOfList:
    """Which part of a list is asked for."""

    limit: PageLimit = 50
    offset: PageOffset = 0
    sort: Annotated[
        Literal["created_at", "-answered_at"],
        Query(description="The oldest first, or those that were answered last."),
    ] = "created_at"


@dataclass(frozen=True)
class ChosenInterrupts:
    """Which interrupts a request is about."""

    assigned: Annotated[AssignedTo, Depends()]
    status: InterruptStatus | None = "waiting"
    kind: Annotated[str | None, Query(max_length=16, description="Such as `human`.")] = None
    run_id: Annotated[str | None, Query(max_length=64)] = None

    def wanted(self, caller: Caller) -> WantedInterrupts:
        """Return what is wanted of the store."""
        named = self.assigned.texts(caller)
        return WantedInterrupts(self.run_id, self.kind, self.status, named)


@router.get("/interrupts")
async def list_interrupts(
    tenant: CurrentTenant,
    caller: CurrentCaller,
    chosen: Annotated[ChosenInterrupts, Depends()],
    part: Annotated[PartOfList, Depends()],
) -> list[InterruptBody]:
    """Return a page of what runs wait for, oldest first; with `kind=human`, the open questions."""
    found = await tenant.stored_runs.interrupts(
        chosen.wanted(caller),
        (part.limit, part.offset),
        is_last_first=part.sort == "-answered_at",
    )
    return [InterruptBody.model_validate(each.as_json()) for each in found]


@router.get("/interrupts/count")
async def count_interrupts(
    tenant: CurrentTenant, caller: CurrentCaller, chosen: Annotated[ChosenInterrupts, Depends()]
) -> InterruptCount:
    """Return how many items the list has; with `kind=human`, the number of open questions."""
    return InterruptCount(count=await tenant.stored_runs.count_interrupts(chosen.wanted(caller)))


@router.get("/interrupts/{interrupt_id}")
async def get_interrupt(interrupt_id: InterruptId, tenant: CurrentTenant) -> InterruptBody:
    """Return an interrupt, with its answer if there is one."""
    found = await tenant.stored_runs.interrupt(interrupt_id)
    if found is None:
        raise NoSuchInterrupt
    return InterruptBody.model_validate(found.as_json())


@router.post("/interrupts/{interrupt_id}/answer", responses=CONFLICT)
async def answer_interrupt(
    interrupt_id: InterruptId, body: AnswerRequest, tenant: CurrentTenant
) -> InterruptBody:
    """Answer a question; its run continues.

    Sending the same answer again changes nothing; a different one is refused with 409.
    """
    found = await tenant.runs.answer(interrupt_id, body.answer)
    return InterruptBody.model_validate(found.as_json())


@router.post("/signals", responses=CONFLICT)
async def send_signal(body: SignalRequest, tenant: CurrentTenant) -> SignalReceipt:
    """Send a signal to the runs that wait for its name and key, now or later."""
    return SignalReceipt(runs=await tenant.runs.signal(body.name, body.key, body.data, body.id))
