"""Webhooks over HTTP: workflows that other services begin, and services that are told of runs."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from flowc.server.api.current_process import CurrentProcess
from flowc.server.api.errors import CONFLICT, RESPONSES, UNAUTHORIZED
from flowc.server.api.strict_requests import StrictRoute

router = APIRouter(tags=["webhooks"], route_class=StrictRoute, responses=RESPONSES)

PATH_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
WebhookPath = Annotated[str, Path(max_length=128)]
SubscriptionId = Annotated[str, Path(max_length=36)]
SecretName = Annotated[str, Field(min_length=1, max_length=128)]
Kind = Literal["run.completed", "run.failed", "run.cancelled", "run.paused", "run.waiting"]


class NewWebhook(BaseModel):
    """Under which path which workflow is begun; `secret` is the name of the one that signs."""

    path: str = Field(pattern=PATH_PATTERN)
    workflow_id: str = Field(max_length=128)
    secret: SecretName


class WebhookBody(NewWebhook):
    """A webhook."""

    created_at: datetime


class Accepted(BaseModel):
    """The run that a message has begun; one that comes again begins no other."""

    run_id: str


class NewSubscription(BaseModel):
    """Whom to tell of which events, of one workflow or of all; `secret` is the name of one."""

    url: str = Field(max_length=8_192)
    events: list[Kind] = Field(min_length=1)
    workflow_id: str | None = Field(default=None, max_length=128)
    secret: SecretName


class SubscriptionBody(NewSubscription):
    """A subscription."""

    id: str
    created_at: datetime


class DeliveryBody(BaseModel):
    """A message to a subscriber: pending, delivered or given up; and what its last try met."""

    id: str
    status: str
    attempts: int
    payload: dict[str, Any]
    problem: str | None
    created_at: datetime
    finished_at: datetime | None


@router.post("/webhooks", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_webhook(body: NewWebhook, process: CurrentProcess) -> WebhookBody:
    """Have a workflow begun by messages that are signed as Standard Webhooks says."""
    made = await process.webhooks.create(body.path, body.workflow_id, body.secret)
    return WebhookBody.model_validate(made._asdict())


@router.get("/webhooks")
async def list_webhooks(process: CurrentProcess) -> list[WebhookBody]:
    """Return all webhooks, by path."""
    found = await process.webhooks.triggers.webhooks()
    return [WebhookBody.model_validate(each._asdict()) for each in found]


@router.delete("/webhooks/{path}", status_code=HTTPStatus.NO_CONTENT)
async def delete_webhook(path: WebhookPath, process: CurrentProcess) -> Response:
    """Take a webhook away."""
    await process.webhooks.triggers.delete_webhook(path)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/webhooks/{path}", status_code=HTTPStatus.ACCEPTED, responses=UNAUTHORIZED)
async def receive_webhook(path: WebhookPath, request: Request, process: CurrentProcess) -> Accepted:
    """Begin the webhook's workflow; the body is its input, and says nothing else."""
    body = await request.body()
    run = await process.webhooks.receive(path, request.headers, body, request.json)
    return Accepted(run_id=run.id)


@router.post("/subscriptions", status_code=HTTPStatus.CREATED)
async def create_subscription(body: NewSubscription, process: CurrentProcess) -> SubscriptionBody:
    """Have a service told when runs end, or wait, by messages signed as Standard Webhooks says."""
    made = await process.deliveries.subscribe(body.url, body.events, body.secret, body.workflow_id)
    return SubscriptionBody.model_validate({**made._asdict(), "events": made.kinds})


@router.get("/subscriptions")
async def list_subscriptions(process: CurrentProcess) -> list[SubscriptionBody]:
    """Return all subscriptions, oldest first."""
    found = await process.deliveries.triggers.subscriptions()
    bodies = [{**each._asdict(), "events": each.kinds} for each in found]
    return [SubscriptionBody.model_validate(body) for body in bodies]


@router.delete("/subscriptions/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_subscription(subscription_id: SubscriptionId, process: CurrentProcess) -> Response:
    """Tell a service no more."""
    await process.deliveries.triggers.delete_subscription(subscription_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/subscriptions/{subscription_id}/deliveries")
async def list_deliveries(
    subscription_id: SubscriptionId,
    process: CurrentProcess,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DeliveryBody]:
    """Return what a service was told, newest first."""
    found = await process.deliveries.triggers.deliveries(subscription_id, limit)
    return [DeliveryBody.model_validate(each._asdict()) for each in found]
