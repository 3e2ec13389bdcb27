"""Incoming webhooks: messages that start a workflow, from the senders that the webhooks name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node import NodeError
from flowc.compiler.running.events import EventKind
from flowc.server.records.refused import Refused
from flowc.server.records.run_keys import webhook_key
from flowc.server.records.runs import RunRecord
from flowc.server.records.triggers import Webhook
from flowc.server.runs.run_options import RunOptions
from flowc.server.runs.runs import Runs
from flowc.server.secrets.signing import SecretMissing
from flowc.server.store import StoredWorkflow, StoredWorkflows
from flowc.server.store.triggers import StoredTriggers
from flowc.server.tenant_services import TenantServices
from flowc.server.triggers.messages import MessageReader, handshake, input_of
from flowc.server.triggers.senders import SenderKind, SentMessage, SignatureRefused, verify
from flowc.server.workflows.compiled import Workflows

RESPOND = "respond"


class MethodRefused(Refused):
    """The webhook takes no messages by this method."""


class SecretOfNone(Refused):
    """A webhook that verifies nothing has no secret: leave it out, or say what it verifies."""


class ReceivedMessage(NamedTuple):
    """A message that was verified and read: a handshake with its answer, or the input of a run."""

    webhook: Webhook
    handshake: str | None
    input: Any
    id: str | None


class RespondedRun(NamedTuple):
    """A run that a message began, and what a `respond` node of it answers, if one did."""

    run: RunRecord
    answer: Mapping[str, Any] | None


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of one tenant."""

    triggers: StoredTriggers
    workflows: Workflows
    stored_workflows: StoredWorkflows
    runs: Runs
    services: TenantServices

    async def create(self, webhook: Webhook) -> Webhook:
        """Store a webhook; raise NoSuchWorkflow, SecretMissing, SecretOfNone or TriggerExists."""
        await self.stored_workflows.get(webhook.workflow_id)
        await self._secret(webhook)
        await self.triggers.add_webhook(webhook)
        return webhook

    async def read(
        self,
        path: str,
        message: SentMessage,
        reader: MessageReader,
        is_verified: Callable[[], Awaitable[None]],
    ) -> ReceivedMessage:
        """Verify a message, and then read it.

        Raises NoSuchTrigger, MethodRefused, SecretMissing, SignatureRefused, or what the reader
        raises.
        """
        webhook = await self.triggers.webhook(path)
        if message.method not in webhook.methods:
            raise MethodRefused
        kind = SenderKind(webhook.verification)
        try:
            secret = await self._secret(webhook)
        except SecretMissing:
            raise SignatureRefused from None
        id = verify(kind, message, secret, webhook.header)
        await is_verified()
        body = await reader.body_of(kind, message)
        given = input_of(webhook, message, body)
        return ReceivedMessage(webhook, handshake(kind, message, body), given, id)

    async def begin(self, received: ReceivedMessage) -> RespondedRun:
        """Start a run with a message; a repeated message gets the same run.

        It is waited for as the webhook's `response` says.

        Raises NoSuchWorkflow, InputRefused or EnvironmentNotReady.
        """
        webhook = received.webhook
        stored = await self.stored_workflows.get(webhook.workflow_id)
        compiled = await self.workflows.compiled(stored)
        key = webhook_key(webhook.path, received.id) if received.id else None
        options = RunOptions(key, is_compared=False)
        runs = self.runs.triggered_by(f"webhook {webhook.path}")
        match webhook.response:
            case "output":
                run = await runs.execute(compiled, received.input, stored, options)
                return RespondedRun(run, None)
            case "respond":
                return await _responded(runs, compiled, received, stored, options)
        return RespondedRun(await runs.submit(compiled, received.input, stored, options), None)

    async def _secret(self, webhook: Webhook) -> str:
        """Return the secret that verifies the messages of a webhook; raise SecretMissing."""
        if webhook.verification == SenderKind.NONE:
            if webhook.secret is not None:
                raise SecretOfNone
            return ""
        name = webhook.secret or ""
        if webhook.verification == SenderKind.STANDARD:
            await self.services.signer(name, webhook.workflow_id)
        try:
            found = await self.services.secret(name, webhook.workflow_id)
        except NodeError as problem:
            raise SecretMissing(problem.message) from None
        if found is None:
            hint = self.services.secret_hint(name)
            raise SecretMissing(f"The secret {name!r} is not set. {hint}")
        return found.value.strip()


async def _responded(
    runs: Runs,
    compiled: CompiledWorkflow,
    received: ReceivedMessage,
    stored: StoredWorkflow,
    options: RunOptions,
) -> RespondedRun:
    """Start a run, and wait until a node responds, or until the run ends or waits."""
    run = await runs.submit(compiled, received.input, stored, options)
    responding: set[str] = set()
    async for event in runs.events(run.id):
        place = f"{event.path} {event.node_id}"
        if event.kind is EventKind.NODE_STARTED and event.data["type"] == RESPOND:
            responding.add(place)
        if event.kind is EventKind.NODE_COMPLETED and place in responding:
            return RespondedRun(run, event.data["output"])
        if event.kind in {EventKind.RUN_WAITING, EventKind.RUN_PAUSED}:
            break
    return RespondedRun(await runs.at_rest(run.id), None)
