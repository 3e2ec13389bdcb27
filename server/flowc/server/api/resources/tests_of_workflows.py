"""Routes that test workflows: a run with mocks and expectations, and a check of one that ended."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from flowc.compiler.running.events import EventKind, name_of
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.cases.case_files import Case, Expected, MockedNode
from flowc.server.cases.rehearsals import CaseOutcome, outcome_of
from flowc.server.cases.runner import differences
from flowc.server.records.run_errors import FailureJson
from flowc.server.records.runs import ENDED, RunRecord
from flowc.server.runs.replays import ALL_EVENTS
from flowc.server.store.runs.steering import NotPossible

router = APIRouter(tags=["authoring"], route_class=StrictRoute, responses=RESPONSES)


class WorkflowTest(RequestBody):
    """The input of a test run, the outputs of nodes that do not run, and how it must end."""

    input: dict[str, Any] = Field(default_factory=dict)
    mocks: dict[str, Any] = Field(
        default_factory=dict,
        max_length=1_000,
        description="Outputs by node, such as `each.work`.",
    )
    answers: dict[str, Any] = Field(
        default_factory=dict, max_length=1_000, description="Answers by the titles of questions."
    )
    signals: dict[str, Any] = Field(
        default_factory=dict, max_length=1_000, description="The data of signals, by name."
    )
    expect: Expected = Field(default_factory=Expected)
    timeout: float = Field(default=60, gt=0, le=600, description="In seconds.")


class ValidationRequest(RequestBody):
    """How a run should have ended."""

    expect: Expected


class TestedRun(BaseModel):
    """How a test run ended."""

    status: str
    output: Any
    error: FailureJson | None
    usage: dict[str, float]
    path: list[str] = Field(description="The nodes that completed, in order.")

    @classmethod
    def of(cls, outcome: CaseOutcome) -> "TestedRun":
        """Return how the run of a case ended."""
        return cls.model_validate({name: getattr(outcome, name) for name in cls.model_fields})


class ValidationResult(BaseModel):
    """Whether a run ended as expected; each problem is a sentence or a diff."""

    passed: bool
    problems: list[str]


class WorkflowTestResult(ValidationResult, TestedRun):
    """How a test run ended, and whether as expected."""


@router.post("/workflows/{workflow_id}/test")
async def test_workflow(
    workflow_id: WorkflowId,
    body: WorkflowTest,
    tenant: CurrentTenant,
    version: VersionNumber = None,
) -> WorkflowTestResult:
    """Run a workflow once with mocks, compare how it ends, and store nothing of the run.

    Nodes that are not mocked do what they do in any run. Time passes only while the run waits.
    """
    stored = await tenant.stored_workflows.get(*named(workflow_id, version))
    compiled = await tenant.workflows.compiled(stored)
    mocks = {name: MockedNode(output=output) for name, output in body.mocks.items()}
    case = Case(
        name="test",
        input=body.input,
        mocks=mocks,
        answers=body.answers,
        signals=body.signals,
        expect=body.expect,
    )
    outcome = await outcome_of(case, compiled, tenant.services, body.timeout)
    done = TestedRun.of(outcome).model_dump()
    return WorkflowTestResult(passed=outcome.passed, problems=outcome.problems, **done)


@router.post("/runs/{run_id}/test/validate", responses=CONFLICT)
async def validate_run(
    run_id: RunIdInPath, body: ValidationRequest, tenant: CurrentTenant
) -> ValidationResult:
    """Compare how a run ended with what is expected."""
    run = await tenant.stored_runs.get(run_id)
    if run.status not in ENDED:
        raise NotPossible(f"The run is {run.status}: it can be validated when it has ended.")
    problems = list(differences(body.expect, run, await _path(run, tenant)))
    return ValidationResult(passed=not problems, problems=problems)


async def _path(run: RunRecord, tenant: CurrentTenant) -> list[str]:
    events = await tenant.stored_runs.events(run.id, limit=ALL_EVENTS)
    done = (event for event in events if event.kind == EventKind.NODE_COMPLETED)
    return [name_of(event.path, event.node_id or "") for event in done]
