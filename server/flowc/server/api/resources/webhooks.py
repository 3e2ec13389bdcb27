"""Routes for incoming webhooks, and for subscriptions to the events of runs."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from flowc.compiler.running.events import EventKind
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.api.admission import CurrentCaller, count_failure, rates_of
from flowc.server.api.current_tenant import CurrentProcess, CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES, UNAUTHORIZED
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.process.process import Process
from flowc.server.records.triggers import Subscription, Webhook
from flowc.server.triggers.webhooks import SignatureRefused

router = APIRouter(tags=["webhooks"], route_class=StrictRoute, responses=RESPONSES)

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
PATH_PATTERN = rf"^{_SEGMENT}(/{_SEGMENT})*$"
WebhookPath = Annotated[
    str, Path(max_length=128, description="Path of the webhook, of one part or several.")
]
# What begins the path of a webhook of another tenant than the first; no path of a webhook does.
_OF_TENANT = "~"
SubscriptionId = Annotated[str, Path(max_length=36, description="Id of the subscription.")]
SecretName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        description="Name of the secret that signs: `hook` is read from `FLOWC_SECRET_HOOK`.",
    ),
]
SubscribedEvent = Literal[
    EventKind.RUN_COMPLETED,
    EventKind.RUN_FAILED,
    EventKind.RUN_CANCELLED,
    EventKind.RUN_PAUSED,
    EventKind.RUN_WAITING,
]


class NewWebhook(RequestBody):
    """A path, and the workflow that signed messages to it start."""

    path: str = Field(
        pattern=PATH_PATTERN,
        max_length=128,
        description="The end of the webhook's URL, such as `crm` or `shop/orders`.",
    )
    workflow_id: str = Field(max_length=128)
    secret: SecretName


class WebhookBody(NewWebhook):
    """A webhook."""

    created_at: datetime
    url_path: str = Field(description="Where messages are sent to, on this server.")


class WebhookReceipt(BaseModel):
    """The run that a message started; a repeated message gets the same run."""

    run_id: str


class NewSubscription(RequestBody):
    """A URL that gets signed messages about runs."""

    url: str = Field(max_length=8_192, description="Public, or allowed by `FLOWC_EGRESS_ALLOW`.")
    events: list[SubscribedEvent] = Field(min_length=1)
    workflow_id: str | None = Field(
        default=None, max_length=128, description="Only runs of this workflow; default: all runs."
    )
    secret: SecretName


class SubscriptionBody(NewSubscription):
    """A subscription."""

    id: str
    created_at: datetime


class DeliveryBody(BaseModel):
    """A message to a subscriber, and its delivery."""

    id: str
    status: str = Field(description="`pending`, `delivered` or `given up`.")
    attempts: int
    payload: dict[str, Any]
    problem: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime
    finished_at: datetime | None


@router.post("/webhooks", status_code=HTTPStatus.CREATED, responses=CONFLICT)
async def create_webhook(
    body: NewWebhook, tenant: CurrentTenant, caller: CurrentCaller
) -> WebhookBody:
    """Create a webhook: a URL where signed messages start a workflow."""
    made = await tenant.webhooks.create(body.path, body.workflow_id, body.secret)
    return _webhook(made, caller.tenant)


@router.get("/webhooks")
async def list_webhooks(tenant: CurrentTenant, caller: CurrentCaller) -> list[WebhookBody]:
    """Return all webhooks, sorted by path."""
    found = await tenant.webhooks.triggers.webhooks()
    return [_webhook(each, caller.tenant) for each in found]


@router.delete("/webhooks/{path:path}", status_code=HTTPStatus.NO_CONTENT)
async def delete_webhook(path: WebhookPath, tenant: CurrentTenant) -> Response:
    """Delete a webhook."""
    await tenant.webhooks.triggers.delete_webhook(path)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/webhooks/{path:path}", status_code=HTTPStatus.ACCEPTED, responses=UNAUTHORIZED)
async def receive_webhook(
    path: Annotated[
        str,
        Path(
            max_length=200,
            description="Path of the webhook; for one of another tenant than `default`,"
            " `~TENANT/PATH`.",
        ),
    ],
    request: Request,
    process: CurrentProcess,
) -> WebhookReceipt:
    """Start the webhook's workflow, with the body of the message as its input.

    The message is signed as Standard Webhooks specifies, in the headers `webhook-id`,
    `webhook-timestamp` and `webhook-signature`. A message older than five minutes is refused.
    """
    if not path.startswith(_OF_TENANT):
        return await _received(process, DEFAULT_TENANT, path, request)
    tenant, _, own = path.removeprefix(_OF_TENANT).partition("/")
    return await _received(process, tenant, own, request)


async def _received(process: Process, name: str, path: str, request: Request) -> WebhookReceipt:
    tenant = await process.tenants.receiving(name, path)
    body = await request.body()

    async def read() -> Any:
        """Read a message whose signature is right: it starts a run of its tenant."""
        await rates_of(request).count_start(name)
        return await request.json()

    try:
        run = await tenant.webhooks.receive(path, request.headers, body, read)
    except SignatureRefused:
        await count_failure(request)
        raise
    return WebhookReceipt(run_id=run.id)


@router.post("/subscriptions", status_code=HTTPStatus.CREATED)
async def create_subscription(body: NewSubscription, tenant: CurrentTenant) -> SubscriptionBody:
    """Send signed messages to a URL when runs end, wait or are paused.

    A message that is not accepted is sent again for about two days.
    """
    made = await tenant.deliveries.subscribe(body.url, body.events, body.secret, body.workflow_id)
    return _subscription(made)


@router.get("/subscriptions")
async def list_subscriptions(tenant: CurrentTenant) -> list[SubscriptionBody]:
    """Return all subscriptions, oldest first."""
    found = await tenant.deliveries.triggers.subscriptions()
    return [_subscription(each) for each in found]


@router.delete("/subscriptions/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
async def delete_subscription(subscription_id: SubscriptionId, tenant: CurrentTenant) -> Response:
    """Delete a subscription."""
    await tenant.deliveries.triggers.delete_subscription(subscription_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/subscriptions/{subscription_id}/deliveries")
async def list_deliveries(
    subscription_id: SubscriptionId,
    tenant: CurrentTenant,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[DeliveryBody]:
    """Return the messages of a subscription, newest first."""
    found = await tenant.deliveries.triggers.deliveries(subscription_id, limit)
    return [DeliveryBody.model_validate(each._asdict()) for each in found]


def _webhook(stored: Webhook, tenant: str) -> WebhookBody:
    within = "" if tenant == DEFAULT_TENANT else f"{_OF_TENANT}{tenant}/"
    return WebhookBody(**stored._asdict(), url_path=f"/api/v1/webhooks/{within}{stored.path}")


def _subscription(stored: Subscription) -> SubscriptionBody:
    fields = stored._asdict()
    events = fields.pop("kinds")
    return SubscriptionBody.model_validate({**fields, "events": events})
