"""Incoming webhooks: signed messages that start a workflow, with the body as its input."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from flowc.server.process_services import ProcessServices
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import webhook_key
from flowc.server.records.runs import RunRecord
from flowc.server.records.times import now
from flowc.server.records.triggers import Webhook
from flowc.server.runs.runs import RunOptions, Runs
from flowc.server.store import StoredWorkflows
from flowc.server.store.triggers import StoredTriggers
from flowc.server.workflows.compiled import Workflows

ID = "webhook-id"
# Bytes of a key.
_FEWEST, _MOST = 24, 64
Read = Callable[[], Awaitable[Any]]


class SignatureRefused(Refused):
    """The signature is missing or invalid."""


class SecretMissing(Refused):
    """The secret is not set, or cannot sign messages."""


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of one tenant; messages are signed as Standard Webhooks specifies."""

    triggers: StoredTriggers
    workflows: Workflows
    stored_workflows: StoredWorkflows
    runs: Runs
    services: ProcessServices

    async def create(self, path: str, workflow_id: str, secret: str) -> Webhook:
        """Store a webhook; raise NoSuchWorkflow, SecretMissing or TriggerExists."""
        await self.stored_workflows.get(workflow_id)
        signer(self.services, secret)
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
            signer(self.services, webhook.secret).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            raise SignatureRefused from None
        stored = await self.stored_workflows.get(webhook.workflow_id)
        compiled = await self.workflows.compiled(stored)
        options = RunOptions(webhook_key(path, headers[ID]), is_compared=False)
        return await self.runs.submit(compiled, await read(), stored, options)


def signer(services: ProcessServices, secret: str) -> Signer:
    """Return a signer with the secret of this name; raise SecretMissing."""
    value = services.secret(secret)
    if value is None:
        raise SecretMissing(
            f"The secret {secret!r} is not set; the operator can set FLOWC_SECRET_{secret.upper()}."
        )
    key = _key_in(value.strip())
    if key is None:
        raise SecretMissing(
            f"The secret {secret!r} cannot sign: it must be `whsec_` and {_FEWEST} to {_MOST} bytes"
            f" in base64, such as `whsec_$(openssl rand -base64 32)`."
        )
    return Signer(key)


def _key_in(secret: str) -> bytes | None:
    """Return the key in a secret of the form that Standard Webhooks specifies, else None.

    Other secrets do not sign: a message and its signature help to guess a short one.

    >>> _key_in("whsec_" + "YWJj" * 8) == b"abc" * 8, _key_in("s3cr3t-0123456789-0123456789-0123")
    (True, None)
    """
    prefix, mark, encoded = secret.partition("_")
    if not mark or prefix != "whsec":
        return None
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return key if _FEWEST <= len(key) <= _MOST else None
