"""Routes for bundles: workflows leave with those that they run, and come in together."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from flowc.compiler.diagnostics import has_errors
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.workflows import (
    ID_PATTERN,
    DiagnosticBody,
    LabelName,
    LabelValue,
    VersionNumber,
    WorkflowId,
    named,
)
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.bundles import BundleAction, BundledWorkflow
from flowc.server.workflows.bundles import PlannedWorkflow

router = APIRouter(
    prefix="/workflows", tags=["workflows"], route_class=StrictRoute, responses=RESPONSES
)


class BundleItem(RequestBody):
    """One workflow of a bundle."""

    id: str = Field(pattern=ID_PATTERN)
    source: str = Field(max_length=4_000_000, description="The text of its definition.")
    format: Literal["yaml", "json"]
    message: str | None = Field(default=None, max_length=500)
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=50)
    cases: str | None = Field(
        default=None,
        max_length=4_000_000,
        description="The text of its case file; without it, the cases that are there stay.",
    )


class BundleBody(RequestBody):
    """Workflows in one file; those that others run may be in any place."""

    bundle: Literal[1] = Field(default=1, description="The version of this form.")
    workflows: list[BundleItem] = Field(min_length=1, max_length=1_000)


class ImportedWorkflow(BaseModel):
    """What was or would be done with a workflow of a bundle."""

    id: str
    action: BundleAction
    version: int | None = Field(description="Its active version, also of one that is unchanged.")
    diagnostics: list[DiagnosticBody]

    @classmethod
    def of(cls, planned: PlannedWorkflow) -> "ImportedWorkflow":
        """Return what clients see of a plan."""
        found = [DiagnosticBody(**each.as_json()) for each in planned.diagnostics]
        return cls(id=planned.id, action=planned.action, version=planned.version, diagnostics=found)


class ImportBody(BaseModel):
    """What was or would be done with a bundle."""

    is_valid: bool = Field(description="Whether no workflow has an error.")
    is_stored: bool
    workflows: list[ImportedWorkflow]


@router.get("/{workflow_id}/export")
async def export_workflow(
    workflow_id: WorkflowId, tenant: CurrentTenant, version: VersionNumber = None
) -> BundleBody:
    """Return a workflow and all that it runs in one file, with their texts, labels and cases."""
    found = await tenant.bundles.exported(*named(workflow_id, version))
    items = [{**asdict(each), "cases": await tenant.cases.text(each.id)} for each in found]
    return BundleBody.model_validate({"workflows": items})


@router.post("/import")
async def import_workflows(
    body: BundleBody,
    tenant: CurrentTenant,
    caller: CurrentCaller,
    dry_run: Annotated[
        bool, Query(description="Only say what would be done; nothing is stored.")
    ] = False,
) -> ImportBody:
    """Store the workflows of a bundle that are new or changed, all of them or none.

    All are checked together first. If one has an error, or its cases have, nothing is stored, and
    the answer is 422; the `file` of each diagnostic names the workflow, or its case file. Workflows
    whose cases alone are different are changed, too.
    """
    given = [BundledWorkflow(**each.model_dump()) for each in body.workflows]
    changed = await tenant.cases.changed_in(given)
    if dry_run:
        found = await tenant.bundles.plan(given)
    else:
        found = await tenant.bundles.store(given, caller.name)
        await tenant.cases.put_files(changed, caller.name)
    found = [
        each._replace(action="change") if each.id in changed and each.action != "create" else each
        for each in found
    ]
    is_valid = not any(has_errors(each.diagnostics) for each in found)
    return ImportBody(
        is_valid=is_valid,
        is_stored=is_valid and not dry_run,
        workflows=[ImportedWorkflow.of(each) for each in found],
    )
