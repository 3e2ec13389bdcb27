"""Routes for the stored cases of workflows: read, replace and run them, and make one of a run."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from flowc.compiler.reading.documents import Document
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.conditions import IfMatch, IfNoneMatch, expected_revisions, revision_tag
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CHANGED, CONFLICT, RESPONSES
from flowc.server.api.paging import Page, PageOfList, page_fields
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.runs import RunIdInPath
from flowc.server.api.resources.tests_of_workflows import TestedRun
from flowc.server.api.resources.workflows import VersionNumber, WorkflowId, named
from flowc.server.api.strict_requests import SentDocument, StrictRoute
from flowc.server.cases.case_files import LONGEST_NAME, Case, CaseList, Expected
from flowc.server.cases.tenant_cases import RanCase
from flowc.server.process.tenants import Tenant
from flowc.server.store.cases import CaseStatus, StoredCaseList, StoredResult

router = APIRouter(tags=["authoring"], route_class=StrictRoute, responses=RESPONSES)

_KIND, _YAML = "cases", "application/yaml"
_LISTED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {"description": "The cases.", "content": {_YAML: {"schema": {}}}}
}
CaseName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


async def _expected_cases(
    if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> frozenset[int] | None:
    return expected_revisions(_KIND, if_match, if_none_match)


# The revisions that a request expects the cases to have: 0 if there are to be none.
ExpectedCases = Annotated[frozenset[int] | None, Depends(_expected_cases)]


async def _sent_cases(body: CaseList | dict[str, Any], sent: SentDocument) -> Document:
    """Return the body as a document: its mistakes get places in it."""
    return sent


SentCases = Annotated[Document, Depends(_sent_cases)]


class CaseResultBody(BaseModel):
    """How a case ended once."""

    name: str
    status: CaseStatus
    version: int = Field(description="The version of the workflow that ran.")
    problems: list[str] = Field(description="What was not as expected: sentences or diffs.")
    seconds: float
    ran_at: datetime

    @classmethod
    def of(cls, result: StoredResult) -> "CaseResultBody":
        """Return a result as clients see it."""
        return cls.model_validate(result._asdict())


class StoredCase(Case):
    """A stored case, with its last result."""

    last_result: CaseResultBody | None = Field(description="Null if it has not run.")


class StoredCasesBody(BaseModel):
    """The cases of a workflow."""

    workflow_id: str
    cases: list[StoredCase]
    author: str | None
    updated_at: datetime | None


class CasesToRun(RequestBody):
    """Which cases are run, and for how long."""

    names: list[CaseName] | None = Field(
        default=None, max_length=500, description="Names of cases; default: all of them."
    )
    cases: list[Case] | None = Field(
        default=None,
        max_length=500,
        description="Cases to run instead of stored ones. How they end is not stored.",
    )
    timeout: float = Field(
        default=60, gt=0, le=600, description="Seconds for all of them together."
    )


class CaseRunBody(CaseResultBody):
    """How a case ended: the expected result, and the result."""

    expected: Expected
    got: TestedRun


class CaseRunsBody(BaseModel):
    """How the cases ended, in the order in which they ran."""

    passed: int
    failed: int
    results: list[CaseRunBody]


class CaseResultsPage(Page):
    """A page of results, the newest first."""

    items: list[CaseResultBody]


class CaseOfRunRequest(RequestBody):
    """What a case that is made of a run is called, and what it mocks."""

    name: CaseName | None = Field(default=None, description="Default: the id of the run.")
    mocks: Literal["outside", "all"] = Field(
        default="outside",
        description="The nodes that get mocks: those that use something outside the workflow, such"
        " as a model or a service, or all. Nodes that wait for people get answers instead.",
    )


class CaseOfRunBody(BaseModel):
    """A case made of a run, which is not stored."""

    workflow_id: str | None
    version: int | None
    case: Case
    notes: list[str] = Field(description="What of the run the case could not keep, in sentences.")


@router.get(
    "/workflows/{workflow_id}/cases",
    response_model=StoredCasesBody,
    response_model_exclude_unset=True,
    responses=_LISTED,
)
async def get_cases(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    response: Response,
    accept: Annotated[str, Header(max_length=1_000)] = "",
    format: Annotated[
        Literal["json", "yaml"] | None,
        Query(description="Default: what `Accept` asks for, or else JSON."),
    ] = None,
) -> Any:
    """Return the cases of a workflow; as YAML, they are a case file that `flowc test` runs.

    A file names the file of the workflow, which `flowc pull` writes beside it. The `ETag` is for
    `If-Match`.
    """
    found = await tenant.cases.stored.get(workflow_id)
    headers = {"etag": revision_tag(_KIND, found.revision), "vary": "accept"}
    if format == "yaml" or (format is None and _YAML in accept.lower()):
        text = await tenant.cases.as_file(workflow_id, found)
        return Response(text, media_type=f"{_YAML}; charset=utf-8", headers=headers)
    response.headers.update(headers)
    return await _shown(tenant, workflow_id, found)


@router.put(
    "/workflows/{workflow_id}/cases",
    response_model=StoredCasesBody,
    response_model_exclude_unset=True,
    responses=CHANGED,
)
async def store_cases(
    workflow_id: WorkflowId,
    sent: SentCases,
    tenant: CurrentTenant,
    caller: CurrentCaller,
    response: Response,
    expected: ExpectedCases,
) -> Any:
    """Replace the cases of a workflow: a list of `cases` as JSON, or a case file as YAML.

    The text of a file that names its `workflow` is stored with its comments. Each case needs a name
    of its own. With mistakes, the answer is 422 with diagnostics, and nothing is stored. Two
    authors do not overwrite each other if they send the `ETag` that they read as `If-Match`, or
    `If-None-Match: *` for the first cases.
    """
    stored = await tenant.cases.put(workflow_id, sent, caller.name, expected)
    response.headers["etag"] = revision_tag(_KIND, stored.revision)
    return await _shown(tenant, workflow_id, stored)


@router.delete(
    "/workflows/{workflow_id}/cases", status_code=HTTPStatus.NO_CONTENT, responses=CHANGED
)
async def delete_cases(
    workflow_id: WorkflowId, tenant: CurrentTenant, caller: CurrentCaller, if_match: IfMatch = None
) -> Response:
    """Delete the cases of a workflow, and their results."""
    expected = expected_revisions(_KIND, if_match)
    await tenant.cases.stored.put(workflow_id, [], None, caller.name, expected)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/workflows/{workflow_id}/cases/run",
    response_model=CaseRunsBody,
    response_model_exclude_unset=True,
)
async def run_cases(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    body: CasesToRun | None = None,
    version: VersionNumber = None,
) -> Any:
    """Run stored cases one after another, and store how they ended, but nothing of the runs.

    With `cases` in the body, these are run, and nothing is stored. Nodes that are not mocked do
    what they do in any run. Time passes only while a run waits. Cases for which no time is left
    fail.
    """
    id, number = named(workflow_id, version)
    body = body or CasesToRun()
    if body.cases is None:
        done = await tenant.cases.run(id, number, body.names, body.timeout)
    else:
        done = await tenant.cases.rehearse(id, number, body.cases, body.timeout)
    results = [_ran(each) for each in done]
    passed = sum(each.status == "passed" for each in results)
    return CaseRunsBody(passed=passed, failed=len(results) - passed, results=results)


@router.get("/workflows/{workflow_id}/cases/results")
async def list_case_results(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    page: PageOfList,
    name: Annotated[
        str | None, Query(max_length=LONGEST_NAME, description="Only results of this case.")
    ] = None,
) -> CaseResultsPage:
    """Return how cases ended, the newest first; the last hundred results of each case stay."""
    found = await tenant.cases.stored.results(workflow_id, page.sorted_by(), name)
    items = [CaseResultBody.of(each) for each in found.items]
    return CaseResultsPage(items=items, **page_fields(found, page.limit, page.offset))


@router.post(
    "/runs/{run_id}/case",
    response_model=CaseOfRunBody,
    response_model_exclude_unset=True,
    responses=CONFLICT,
)
async def make_case(
    run_id: RunIdInPath, tenant: CurrentTenant, body: CaseOfRunRequest | None = None
) -> Any:
    """Return a case that expects what a run did: its output, its error, and its path.

    The outputs of its nodes are mocks, and it has the answers and signals that the run got. It is
    not stored. What the run said of secrets is masked in the case, too.
    """
    body = body or CaseOfRunRequest()
    run = await tenant.stored_runs.get(run_id)
    made = await tenant.cases.of_run(run_id, body.name, mocks_all=body.mocks == "all")
    return CaseOfRunBody(
        workflow_id=run.workflow_id, version=run.version, case=made.case, notes=made.notes
    )


async def _shown(tenant: Tenant, workflow_id: str, found: StoredCaseList) -> StoredCasesBody:
    results = await tenant.cases.stored.last_results(workflow_id)
    return StoredCasesBody(
        workflow_id=workflow_id,
        cases=[_stored(each, results.get(each["name"])) for each in found.cases],
        author=found.author,
        updated_at=found.updated_at,
    )


def _stored(case: Any, last: StoredResult | None) -> StoredCase:
    shown = CaseResultBody.of(last) if last is not None else None
    return StoredCase.model_validate({**case, "last_result": shown})


def _ran(done: RanCase) -> CaseRunBody:
    result = CaseResultBody.of(done.result).model_dump()
    return CaseRunBody(**result, expected=done.case.expect, got=TestedRun.of(done.outcome))
