"""Finds a tenant's secrets in all their sources, and holds them to what they are bound to."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from flowc.compiler.node import NodeError
from flowc.compiler.running.run_context import RunSecret
from flowc.server.records.secrets import SecretText
from flowc.server.secrets.sealing import CannotOpen, Seals, SecretPlace
from flowc.server.secrets.vault import SecretProvider

SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


class SealedSecrets(Protocol):
    """One tenant's sealed secrets."""

    def find(self, name: str) -> Awaitable[tuple[int, str] | None]:
        """Return the version of a secret and its sealed text; None if it does not exist."""
        ...


@dataclass(frozen=True)
class TenantSecrets:
    """The secrets of one tenant.

    Sealed ones come first, then those of the `operator` (the environment, then a file), which are
    the default tenant's, then those of a provider.
    """

    seals: Seals
    stored: SealedSecrets | None
    operator: Callable[[str], str | None]
    provider: SecretProvider | None
    tenant: str

    async def find(self, name: str) -> SecretText | None:
        """Return a secret with what it is bound to, or None if it is not set anywhere.

        Raises NodeError if it is there and cannot be read.
        """
        # Other names are in no source; and they are no part of a URL.
        if SECRET_NAME.fullmatch(name) is None:
            return None
        if (sealed := await self._sealed(name)) is not None:
            return sealed
        if (value := self.operator(name)) is not None:
            return SecretText(value)
        return await self.provider.read(self.tenant, name) if self.provider is not None else None

    async def read(self, name: str, workflow_id: str | None) -> RunSecret | None:
        """Return a secret for a node of a workflow; raise NodeError if that may not read it.

        A definition that is not stored has no id: it reads no secret that is bound to workflows.
        """
        found = await self.find(name)
        if found is None:
            return None
        hosts, workflows = found.bindings
        if workflows and workflow_id not in workflows:
            message = f"The workflow may not read the secret {name[:60]!r}."
            hint = "It is bound to other workflows; an administrator can change that."
            raise NodeError("secret-not-for-workflow", message, hint=hint)
        return RunSecret(found.value, hosts)

    async def _sealed(self, name: str) -> SecretText | None:
        found = await self.stored.find(name) if self.stored is not None else None
        if found is None:
            return None
        version, text = found
        try:
            return self.seals.open(SecretPlace(self.tenant, name, version), text)
        except CannotOpen:
            message = f"The secret {name[:60]!r} cannot be opened."
            hint = "The operator's FLOWC_SEALING_KEYS need the key that it was sealed with."
            raise NodeError("secret-unreadable", message, hint=hint) from None
