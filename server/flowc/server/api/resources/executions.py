"""Routes that run workflows."""

from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field, TypeAdapter

from flowc.compiler.compile import CompiledWorkflow
from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.workflows import WorkflowId
from flowc.server.api.strict_requests import SentDefinition, StrictRoute
from flowc.server.process.process import Process
from flowc.server.records.run_keys import client_key
from flowc.server.records.runs import Run, RunOutcome, RunRecord
from flowc.server.runs.runs import RunOptions
from flowc.server.store import StoredWorkflow

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="Requests with the same key and input start one run of a workflow; all of them"
        " return it. The same key with another input is refused with 409.",
    ),
]
Included = Annotated[
    Literal["nodes"] | None,
    Query(
        description="With `nodes`, the answer is the whole run with the status, output and times"
        " of each node, as `GET /runs/{run_id}` returns it."
    ),
]


class ExecuteRequest(RequestBody):
    """The input of a run, and how it starts."""

    holder = "input"
    notes: ClassVar = {
        "version": "A run starts on the newest version of the workflow.",
        "data": "Did you mean 'input'?",
        "async": "Did you mean 'wait'?",
    }

    input: dict[str, Any] = Field(default_factory=dict)
    wait: bool = Field(
        default=True,
        description="Answer when the run has ended, waits or is paused; otherwise at once.",
    )
    priority: int = Field(default=10, ge=1, le=100, description="In the queue; 1 is the highest.")
    delay: float | None = Field(
        default=None, ge=0, le=31_536_000, description="Seconds before the run starts."
    )
    deduplication_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="While a run of the workflow with this key has not ended, no other starts:"
        " it is returned, or 409 if it has another input.",
    )
    breakpoints: list[Annotated[str, Field(max_length=500)]] = Field(
        default_factory=list,
        max_length=1_000,
        description="Nodes before which the run pauses, such as `send` or `loop.send`.",
    )
    stepping: bool = Field(default=False, description="Pause before every node.")


class ExecuteDefinitionRequest(ExecuteRequest):
    """A definition to run without storing it as a workflow."""

    definition: dict[str, Any]


# Runs hold plain JSON: they are written without being validated once more.
_OUTCOME, _WHOLE = TypeAdapter(RunOutcome), TypeAdapter(Run)


@router.post("/execute", response_model=RunOutcome | Run, responses=CONFLICT)
async def execute_definition(
    body: ExecuteDefinitionRequest,
    process: CurrentProcess,
    sent: SentDefinition,
    key: IdempotencyKey = None,
    include: Included = None,
) -> Response:
    """Run the definition in the body without storing it as a workflow."""
    compiled = await process.workflows.compile_to_run(body.definition, sent)
    return _answer(await _started(process, compiled, body, key), include)


@router.post("/{workflow_id}/execute", response_model=RunOutcome | Run, responses=CONFLICT)
async def execute_workflow(
    workflow_id: WorkflowId,
    process: CurrentProcess,
    body: ExecuteRequest | None = None,
    key: IdempotencyKey = None,
    include: Included = None,
) -> Response:
    """Start a run of a workflow and return its outcome, by default when it has ended or waits.

    The status is 200 also if the run failed: look at the `status` and `error` of the run.
    """
    stored = await process.stored_workflows.get(workflow_id)
    compiled = await process.workflows.compiled(stored)
    run = await _started(process, compiled, body or ExecuteRequest(), key, stored)
    return _answer(run, include)


async def _started(
    process: Process,
    compiled: CompiledWorkflow,
    body: ExecuteRequest,
    key: str | None,
    stored: StoredWorkflow | None = None,
) -> RunRecord:
    options = RunOptions(
        idempotency_key=client_key(key),
        deduplication_key=body.deduplication_key,
        priority=body.priority,
        delay=body.delay,
        breakpoints=body.breakpoints,
        is_stepping=body.stepping,
    )
    start = process.runs.execute if body.wait else process.runs.submit
    return await start(compiled, body.input, stored, options)


def _answer(run: RunRecord, include: str | None) -> Response:
    shown: TypeAdapter[Any] = _WHOLE if include == "nodes" else _OUTCOME
    return Response(shown.dump_json(run), media_type="application/json")
