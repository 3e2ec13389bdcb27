"""Routes for drafts: what authors work on, until it is published as a version."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from flowc.compiler.diagnostics import has_errors
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.conditions import (
    IfMatch,
    IfNoneMatch,
    expected_revisions,
    revision_tag,
)
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CHANGED, RESPONSES
from flowc.server.api.paging import Page, PageOfList, page_fields
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.resources.versions import ChangeBody, DiffBody
from flowc.server.api.resources.workflows import (
    CREATED,
    ID_PATTERN,
    DiagnosticBody,
    PublishedWorkflow,
    VersionMessage,
    WorkflowId,
    shown,
)
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.store.drafts import Draft, DraftText

router = APIRouter(tags=["workflows"], route_class=StrictRoute, responses=RESPONSES)

_KIND = "draft"
DraftId = Annotated[
    str, Path(pattern=ID_PATTERN, description="Id of the workflow, which may not exist yet.")
]


async def _expected_draft(
    if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> frozenset[int] | None:
    return expected_revisions(_KIND, if_match, if_none_match)


# The revisions that a request expects the draft to have: 0 if there is to be none.
ExpectedDraft = Annotated[frozenset[int] | None, Depends(_expected_draft)]


class NewDraft(RequestBody):
    """The text of a draft, which may have errors."""

    source: str = Field(max_length=4_000_000, description="The text, as its author writes it.")
    format: Literal["yaml", "json"] = "yaml"
    base_version: int | None = Field(
        default=None, ge=1, description="The version of the workflow that its author began with."
    )


class DraftBody(NewDraft):
    """A draft of a workflow."""

    workflow_id: str
    author: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """Return a draft as clients see it."""
        return cls.model_validate(
            {
                **draft.text._asdict(),
                "workflow_id": draft.workflow_id,
                "author": draft.author,
                "created_at": draft.created_at,
                "updated_at": draft.updated_at,
            }
        )


class StoredDraft(DraftBody):
    """A draft that was stored, with what is wrong with it so far."""

    is_valid: bool = Field(description="Whether it can be published.")
    diagnostics: list[DiagnosticBody]


class DraftPage(Page):
    """A page of drafts, sorted by the ids of their workflows."""

    items: list[DraftBody]


@router.get("/drafts")
async def list_drafts(tenant: CurrentTenant, page: PageOfList) -> DraftPage:
    """Return a page of drafts, also those of workflows that do not exist yet."""
    found = await tenant.drafts.stored.list(page.sorted_by())
    items = [DraftBody.of(each) for each in found.items]
    return DraftPage(items=items, **page_fields(found, page.limit, page.offset))


@router.get("/workflows/{workflow_id}/draft")
async def get_draft(
    workflow_id: WorkflowId, tenant: CurrentTenant, response: Response
) -> DraftBody:
    """Return the draft of a workflow."""
    return _tagged(response, await tenant.drafts.stored.get(workflow_id))


@router.put("/workflows/{workflow_id}/draft", responses=CHANGED)
async def store_draft(
    workflow_id: DraftId,
    body: NewDraft,
    tenant: CurrentTenant,
    caller: CurrentCaller,
    response: Response,
    expected: ExpectedDraft,
) -> StoredDraft:
    """Store the draft of a workflow, also one with errors; nothing runs it.

    Two authors do not overwrite each other if they send the `ETag` that they read as `If-Match`, or
    `If-None-Match: *` for the first draft.
    """
    text = DraftText(body.source, body.format, body.base_version)
    stored = await tenant.drafts.stored.put(workflow_id, text, caller.name, expected)
    found = await tenant.drafts.diagnostics(workflow_id, text)
    return StoredDraft(
        **_tagged(response, stored).model_dump(),
        is_valid=not has_errors(found),
        diagnostics=[DiagnosticBody(**each.as_json()) for each in found],
    )


@router.delete(
    "/workflows/{workflow_id}/draft", status_code=HTTPStatus.NO_CONTENT, responses=CHANGED
)
async def delete_draft(
    workflow_id: WorkflowId, tenant: CurrentTenant, if_match: IfMatch = None
) -> Response:
    """Delete the draft of a workflow; its versions stay."""
    await tenant.drafts.stored.delete(workflow_id, expected_revisions(_KIND, if_match))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/workflows/{workflow_id}/draft/diff")
async def diff_draft(workflow_id: WorkflowId, tenant: CurrentTenant) -> DiffBody:
    """Return what would change in meaning if the draft were published, and which runs wait.

    It is compared with the active version. A text that cannot be read is refused with 422.
    """
    found = await tenant.drafts.changes(workflow_id)
    place = (workflow_id, found.version)
    waiting = await tenant.stored_runs.unfinished(found.hash, place) if found.changes else []
    changes = [ChangeBody(**change.as_json()) for change in found.changes]
    return DiffBody(changes=changes, waiting_runs=list(waiting))


@router.post("/workflows/{workflow_id}/publish", responses={**CREATED, **CHANGED})
async def publish_draft(
    workflow_id: WorkflowId,
    tenant: CurrentTenant,
    caller: CurrentCaller,
    response: Response,
    message: VersionMessage = None,
    if_match: IfMatch = None,
) -> PublishedWorkflow:
    """Make the draft the newest version of its workflow, which becomes the active one.

    From then on, that is what triggers run, and callers that name no version. `If-Match` is the
    `ETag` of the draft. A draft with errors is refused with 422, and stays.
    """
    expected = expected_revisions(_KIND, if_match)
    done = await tenant.drafts.publish(workflow_id, caller.name, message, expected)
    if done.is_new:
        response.status_code = HTTPStatus.CREATED
    return await shown(tenant, done.published, response)


def _tagged(response: Response, draft: Draft) -> DraftBody:
    response.headers["etag"] = revision_tag(_KIND, draft.revision)
    return DraftBody.of(draft)
