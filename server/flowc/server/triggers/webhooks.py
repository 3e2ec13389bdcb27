"""Incoming webhooks: signed messages that start a workflow, with the body as its input."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from standardwebhooks import WebhookVerificationError

from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import webhook_key
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.records.triggers import Webhook
from flowc.server.runs.run_options import RunOptions
from flowc.server.runs.runs import Runs
from flowc.server.secrets.signing import ID
from flowc.server.store import StoredWorkflows
from flowc.server.store.triggers import StoredTriggers
from flowc.server.tenant_services import TenantServices
from flowc.server.workflows.compiled import Workflows

Read = Callable[[], Awaitable[Any]]


class SignatureRefused(Refused):
    """The signature is missing or invalid."""


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of one tenant; messages are signed as Standard Webhooks specifies."""

    triggers: StoredTriggers
    workflows: Workflows
    stored_workflows: StoredWorkflows
    runs: Runs
    services: TenantServices

    async def create(self, path: str, workflow_id: str, secret: str) -> Webhook:
        """Store a webhook; raise NoSuchWorkflow, SecretMissing or TriggerExists."""
        await self.stored_workflows.get(workflow_id)
        await self.services.signer(secret, workflow_id)
        webhook = Webhook(path, workflow_id, secret, now())
        await self.triggers.add_webhook(webhook)
        return webhook

    async def receive(
        self, path: str, headers: Mapping[str, str], body: bytes, read: Read
    ) -> RunRecord:
        """Start a run with the body of a message; a repeated message gets the same run.

        The body is `read` as JSON after its signature has been verified.

        Raises NoSuchTrigger, SignatureRefused, NoSuchWorkflow, InputRefused or EnvironmentNotReady.
        """
        webhook = await self.triggers.webhook(path)
        try:
            found = await self.services.signer(webhook.secret, webhook.workflow_id)
            found.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            raise SignatureRefused from None
        stored = await self.stored_workflows.get(webhook.workflow_id)
        compiled = await self.workflows.compiled(stored)
        options = RunOptions(webhook_key(path, headers[ID]), is_compared=False)
        runs = self.runs.triggered_by(f"webhook {path}")
        return await runs.submit(compiled, await read(), stored, options)
