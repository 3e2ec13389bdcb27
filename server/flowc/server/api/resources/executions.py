"""Routes that run workflows."""

from typing import Annotated, Any, ClassVar, Literal, Self

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field, TypeAdapter, model_validator

from flowc.compiler.compile import CompiledWorkflow
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import SentDefinition, StrictRoute
from flowc.server.process.tenants import Tenant
from flowc.server.records.run_keys import client_key
from flowc.server.records.runs import ExecutedRun, ExecutionOutcome, RunRecord
from flowc.server.runs.run_options import RunOptions
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
        description="With `nodes`, the answer has the status, output and times of each node, and"
        " all else that `GET /runs/{run_id}` returns."
    ),
]


class ExecuteRequest(RequestBody):
    """The input of a run, and how it starts."""

    holder = "input"
    notes: ClassVar = {
        "version": "Name the version in the URL: `?version=3`, or `@3` behind the workflow's id.",
        "data": "Did you mean 'input'?",
        "async": "Did you mean 'wait'?",
    }

    input: dict[str, Any] = Field(default_factory=dict)
    input_data: dict[str, Any] | None = Field(
        default=None, description="The same as `input`, as clients of other engines send it."
    )
    wait: bool = Field(
        default=True,
        description="Answer when the run has ended, asks or is paused; otherwise at once. A time"
        " that the run waits for is waited for, if it comes within 30 s.",
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=3_600,
        description="Seconds to wait at most, for whatever the run waits for.",
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

    @model_validator(mode="after")
    def _has_one_input(self) -> Self:
        if self.input_data is not None and self.input:
            raise ValueError("Give one of input and input_data.")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The input, under whichever name it came."""
        return self.input if self.input_data is None else self.input_data


class ExecuteDefinitionRequest(ExecuteRequest):
    """A definition to run without storing it as a workflow."""

    definition: dict[str, Any]


# Runs hold plain JSON: they are written without being validated once more.
_OUTCOME, _WHOLE = TypeAdapter(ExecutionOutcome), TypeAdapter(ExecutedRun)


@router.post("/execute", response_model=ExecutionOutcome, responses=CONFLICT)
async def execute_definition(
    body: ExecuteDefinitionRequest,
    tenant: CurrentTenant,
    sent: SentDefinition,
    key: IdempotencyKey = None,
    include: Included = None,
) -> Response:
    """Run the definition in the body without storing it as a workflow."""
    compiled = await tenant.workflows.compile_to_run(body.definition, sent)
    return answer_of(await _started(tenant, compiled, body, key), include)


@router.post("/{workflow_id}/execute", response_model=ExecutionOutcome, responses=CONFLICT)
async def execute_workflow(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    body: ExecuteRequest | None = None,
    key: IdempotencyKey = None,
    include: Included = None,
    version: VersionNumber = None,
) -> Response:
    """Start a run of a workflow and return its outcome, by default when it has ended or waits.

    It runs the active version, or the one that the URL names: `?version=3`, or `@3` behind the id.
    The status is 200 also if the run failed: look at the `status` and `error` of the run.
    """
    stored = await tenant.stored_workflows.get(*named(workflow_id, version))
    compiled = await tenant.workflows.compiled(stored)
    run = await _started(tenant, compiled, body or ExecuteRequest(), key, stored)
    return answer_of(run, include)


async def _started(
    tenant: Tenant,
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
    if not body.wait:
        return await tenant.runs.submit(compiled, body.given, stored, options)
    return await tenant.runs.execute(compiled, body.given, stored, options, body.timeout)


def answer_of(run: RunRecord, include: str | None = None) -> Response:
    """Return a run's outcome as a response; with `nodes`, the whole run."""
    if include == "nodes":
        text = _WHOLE.dump_json(ExecutedRun.of(run))
    else:
        text = _OUTCOME.dump_json(ExecutionOutcome.of(run), exclude={"nodes"})
    return Response(text, media_type="application/json")
