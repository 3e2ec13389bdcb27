"""Subscriptions: signed messages about runs, which are sent again until they are accepted."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from flowc.nodes.services.egress import (
    EgressDenied,
    RequestFailed,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.server.records.times import now
from flowc.server.records.triggers import Delivery, Subscription
from flowc.server.secrets.signing import SecretMissing, signed_headers
from flowc.server.store import StoredWorkflows
from flowc.server.store.triggers import StoredTriggers
from flowc.server.tenant_services import TenantServices

# Seconds before each further attempt, as Standard Webhooks recommends.
RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000)
DEADLINE = 15.0


@dataclass(frozen=True)
class Deliveries:
    """The subscriptions of one tenant, and their messages."""

    triggers: StoredTriggers
    stored_workflows: StoredWorkflows
    services: TenantServices

    async def subscribe(
        self, url: str, kinds: Sequence[str], secret: str, workflow_id: str | None
    ) -> Subscription:
        """Store a subscription; raise EgressDenied, NoSuchWorkflow or SecretMissing.

        Each delivery is checked again: a name may lead elsewhere by then.
        """
        await self.services.http.require_allowed(url)
        await self.services.signer(secret, workflow_id)
        if workflow_id is not None:
            await self.stored_workflows.get(workflow_id)
        id, moment = str(uuid.uuid4()), now()
        subscription = Subscription(id, url, sorted(kinds), workflow_id, secret, moment)
        await self.triggers.add_subscription(subscription)
        return subscription

    async def deliver(self, id: str) -> None:
        """Send a message, and plan the next attempt if it was not accepted."""
        found = await self.triggers.to_deliver(id)
        if found is None:
            return
        delivery, to = found
        attempt = delivery.attempts + 1
        problem, is_final = await self._send(delivery, to)
        again = (
            None if is_final or attempt > len(RETRY_SECONDS) else float(RETRY_SECONDS[attempt - 1])
        )
        await self.triggers.delivered(id, attempt, problem, again)

    async def _send(self, delivery: Delivery, to: Subscription) -> tuple[str | None, bool]:
        """Send a message; return why it was not accepted, if so, and whether this is final."""
        body, moment = json.dumps(delivery.payload, separators=(",", ":")), now()
        try:
            signed = await self.services.signer(to.secret, to.workflow_id)
            signature = signed_headers(signed, delivery.id, moment, body)
            headers = {"content-type": "application/json", **signature}
            response = await self.services.http.request(
                "POST", to.url, headers=headers, content=body.encode(), deadline=DEADLINE
            )
        except (EgressDenied, SecretMissing) as refused:
            return str(refused), False
        except (ResponseTooLarge, ResponseUnreadable):
            return None, True
        except (RequestFailed, TimeoutError) as problem:
            reason = problem if isinstance(problem, RequestFailed) else "TimeoutError"
            return f"The receiver cannot be reached ({reason}).", False
        status = response.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return None, True
        # With GONE, a receiver refuses this message for good.
        return f"The receiver answered with status {status}.", status == HTTPStatus.GONE
