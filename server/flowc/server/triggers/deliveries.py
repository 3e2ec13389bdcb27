"""How do subscribers learn that runs have ended, or wait? By signed messages, tried for days."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from flowc.nodes.services.egress import EgressDenied, ResponseTooLarge, check_url
from flowc.server.host import Host
from flowc.server.records.times import now
from flowc.server.records.triggers import Delivery, Subscription
from flowc.server.store import StoredWorkflows
from flowc.server.store.triggers import StoredTriggers
from flowc.server.triggers.webhooks import ID, SecretMissing, signer

# Seconds after which a message that was not taken is sent again, as Standard Webhooks advises.
AGAIN = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000)
DEADLINE = 15.0


@dataclass(frozen=True)
class Deliveries:
    """One tenant's subscriptions, and the messages to their subscribers."""

    triggers: StoredTriggers
    stored_workflows: StoredWorkflows
    host: Host

    async def subscribe(
        self, url: str, kinds: Sequence[str], secret: str, workflow_id: str | None
    ) -> Subscription:
        """Keep a subscription; raise EgressDenied, NoSuchWorkflow or SecretMissing."""
        check_url(url)
        signer(self.host, secret)
        if workflow_id is not None:
            await self.stored_workflows.get(workflow_id)
        kept = Subscription(str(uuid.uuid4()), url, sorted(kinds), workflow_id, secret, now())
        await self.triggers.add_subscription(kept)
        return kept

    async def deliver(self, id: str) -> None:
        """Send a message once, and have it sent again later if it was not taken."""
        found = await self.triggers.to_deliver(id)
        if found is None:
            return
        delivery, to = found
        attempt = delivery.attempts + 1
        problem, is_final = await self._send(delivery, to)
        again = None if is_final or attempt > len(AGAIN) else float(AGAIN[attempt - 1])
        await self.triggers.delivered(id, attempt, problem, again)

    async def _send(self, delivery: Delivery, to: Subscription) -> tuple[str | None, bool]:
        """Return what kept a message from being taken, if anything, and whether it ever will."""
        body, moment = json.dumps(delivery.payload, separators=(",", ":")), now()
        try:
            signature = signer(self.host, to.secret).sign(delivery.id, moment, body)
            headers = {
                "content-type": "application/json",
                ID: delivery.id,
                "webhook-timestamp": str(int(moment.timestamp())),
                "webhook-signature": signature,
            }
            response = await self.host.http.request(
                "POST", to.url, headers=headers, content=body.encode(), deadline=DEADLINE
            )
        except (EgressDenied, SecretMissing) as refused:
            return str(refused), False
        except ResponseTooLarge:
            return None, True
        except (httpx.HTTPError, TimeoutError) as problem:
            return f"It could not be reached: {type(problem).__name__}.", False
        status = response.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return None, True
        # With 410 a receiver says that it wants no more messages.
        return f"It answered with status {status}.", status == HTTPStatus.GONE
