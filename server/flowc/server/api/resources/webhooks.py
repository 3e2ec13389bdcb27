"""Routes for incoming webhooks, and for subscriptions to the events of runs."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from flowc.compiler.running.events import EventKind
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.api.admission import CurrentCaller
from flowc.server.api.current_tenant import CurrentTenant
from flowc.server.api.errors import CONFLICT, RESPONSES
from flowc.server.api.request_bodies import RequestBody
from flowc.server.api.strict_requests import StrictRoute
from flowc.server.records.times import now
from flowc.server.records.triggers import Subscription, Webhook
from flowc.server.triggers.senders import SenderKind

router = APIRouter(tags=["webhooks"], route_class=StrictRoute, responses=RESPONSES)

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
PATH_PATTERN = rf"^{_SEGMENT}(/{_SEGMENT})*$"
WebhookPath = Annotated[
    str, Path(max_length=128, description="Path of the webhook, of one part or several.")
]
# Where messages are sent to, by any method.
HOOKS = "/hooks"
# What begins the path of a webhook of another tenant than the first; no path of a webhook does.
OF_TENANT = "~"
WebhookMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
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
    """A path, and the workflow that messages to it start."""

    path: str = Field(
        pattern=PATH_PATTERN,
        max_length=128,
        description="The end of the webhook's URL, such as `crm` or `shop/orders`.",
    )
    workflow_id: str = Field(max_length=128)
    secret: SecretName | None = Field(
        default=None, description="What verifies the messages; none if `verification` is `none`."
    )
    verification: SenderKind = Field(
        default=SenderKind.STANDARD,
        description="Who sends the messages, and so how they are verified: `standard` is Standard"
        " Webhooks; `hmac` is the HMAC-SHA256 of the body, in hexadecimal or base64, in a header;"
        " `token` is the secret itself in a header; `basic` is `USER:PASSWORD`.",
    )
    header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{1,128}$",
        description="The header with the proof, where it is not the sender's usual one; default:"
        " `x-signature` for `hmac`, and `authorization` for `token`.",
    )
    methods: list[WebhookMethod] = Field(
        default=["POST"], min_length=1, description="Methods by which messages may come."
    )
    input: Literal["body", "request"] = Field(
        default="body",
        description="What the run gets: the body (as `body`, if that is no object; without a body,"
        " the query), or `method`, `query`, `headers` without credentials, and `body`.",
    )
    response: Literal["accepted", "output", "respond"] = Field(
        default="accepted",
        description="The answer: a receipt with the `run_id` at once; the run's output when it has"
        " ended; or what a `respond` node of it says.",
    )


class WebhookBody(NewWebhook):
    """A webhook."""

    created_at: datetime
    url_path: str = Field(description="Where messages are sent to, on this server.")


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
    """Create a webhook: a URL where messages of another service start a workflow."""
    made = await tenant.webhooks.create(Webhook(**body.model_dump(mode="json"), created_at=now()))
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
    within = "" if tenant == DEFAULT_TENANT else f"{OF_TENANT}{tenant}/"
    return WebhookBody.model_validate(
        {**stored._asdict(), "url_path": f"{HOOKS}/{within}{stored.path}"}
    )


def _subscription(stored: Subscription) -> SubscriptionBody:
    fields = stored._asdict()
    events = fields.pop("kinds")
    return SubscriptionBody.model_validate({**fields, "events": events})
