"""Signs the calls of registered node types with what their registration says now."""

from flowc.compiler.node import NodeError
from flowc.nodes.services.remote_steps import RemoteSteps, SignedCall
from flowc.server.records.times import now
from flowc.server.secrets.signing import SecretMissing, signed_headers
from flowc.server.store.remote_types import StoredRemoteTypes
from flowc.server.tenant_services import TenantServices


class StoredRemoteSteps(RemoteSteps):
    """The registered types of a tenant, as nodes of a workflow call them."""

    def __init__(
        self, types: StoredRemoteTypes, services: TenantServices, workflow_id: str | None
    ) -> None:
        self._types, self._services, self._workflow_id = types, services, workflow_id

    async def signed(self, name: str, id: str, body: str) -> SignedCall:
        """Return the call of a type with this body, signed; raise NodeError."""
        found = await self._types.find(name)
        if found is None:
            message = f"The node type {name!r} is not registered any more."
            raise NodeError("not-registered", message, hint="Register it again.")
        try:
            signer = await self._services.signer(found.secret, self._workflow_id)
        except SecretMissing as problem:
            raise NodeError("secret-missing", str(problem)) from None
        return SignedCall(found.url, signed_headers(signer, id, now(), body), found.timeout)
