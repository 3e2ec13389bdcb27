"""The services that a process offers to the nodes of one tenant's runs."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from standardwebhooks import Webhook as Signer

from flowc.compiler.guards import Circuits, Guards, MemoryCache, NodeCache
from flowc.compiler.node import LastingVariables, NodeError
from flowc.compiler.running.redaction import KnownSecrets
from flowc.compiler.running.run_context import RunSecret
from flowc.nodes.services.files import Files, HeldFiles, RedactedFiles
from flowc.nodes.services.knowledge import Knowledge, Sources
from flowc.nodes.services.lasting import LocalVariables
from flowc.nodes.services.mcp import McpServers
from flowc.rag.folders import Folders
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.process_services import ProcessServices
from flowc.server.secrets.signing import SecretMissing, signer_with
from flowc.server.secrets.sources import SealedSecrets, TenantSecrets
from flowc.server.settings import Settings


class TenantServices:
    """The services of one tenant; close them when done, and those of the process after them.

    What the operator sets up beside the server is of the default tenant alone: the folders of
    documents, the MCP servers, and the secrets. The models are of all tenants.
    """

    def __init__(
        self,
        shared: ProcessServices,
        tenant: str,
        cache: NodeCache | None = None,
        files: Files | None = None,
        stored_secrets: SealedSecrets | None = None,
    ) -> None:
        self._shared, self._settings = shared, shared.settings
        self.tenant, self._is_own = tenant, tenant == DEFAULT_TENANT
        self.http, self.sandboxes, self.models = shared.http, shared.sandboxes, shared.models
        self.mcp = shared.mcp if self._is_own else McpServers({}, policy=shared.http.policy)
        self.known = KnownSecrets(shared.known)
        self.env = shared.env(tenant)
        operator = shared.secret if self._is_own else _no_secret
        self.secrets = TenantSecrets(shared.seals, stored_secrets, operator, shared.vault, tenant)
        self.guards = Guards(
            cache or MemoryCache(),
            shared.limits,
            Circuits(self._settings.circuit_threshold, self._settings.circuit_pause),
        )
        self.files = files or HeldFiles()
        folders = Folders(self._settings.document_dirs if self._is_own else ())
        self.knowledge = Knowledge(
            partial(shared.documents.open, tenant),
            self.models,
            Sources(folders, self.http, self.files),
            default_model=self._settings.embedding_model,
        )

    @property
    def by_type(self) -> Mapping[type, Any]:
        """The services by their types, as nodes ask for them."""
        own = (self.http, self.sandboxes, self.models, self.mcp, self.knowledge)
        files = RedactedFiles(self.files, self._redacted)
        return {Files: files, **{type(service): service for service in own}}

    def _redacted(self, content: bytes) -> bytes:
        return self.known.redactor.content(content)

    def lasting(self, workflow: str) -> LastingVariables | None:
        """Return where a workflow's variables last; None where the store of a server has them."""
        return None

    async def secret(self, name: str, workflow_id: str | None) -> RunSecret | None:
        """Return a secret for a workflow; raise NodeError if it may not or cannot be read."""
        found = await self.secrets.read(name, workflow_id)
        if found is not None:
            self.known.add([found.value])
        return found

    async def signer(self, name: str, workflow_id: str | None) -> Signer:
        """Return what signs messages with a secret; raise SecretMissing.

        A signature does not show the secret, so the hosts that it is bound to do not count here.
        """
        try:
            found = await self.secret(name, workflow_id)
        except NodeError as problem:
            raise SecretMissing(problem.message) from None
        if found is None:
            raise SecretMissing(f"The secret {name!r} is not set. {self.secret_hint(name)}")
        return signer_with(name, found.value)

    def secret_hint(self, name: str) -> str:
        """Return how a secret is set."""
        if not self._is_own or self._shared.seals:
            return f"An administrator can set it: `flowc secrets set {name[:60]}`."
        return self._shared.secret_hint(name)

    async def aclose(self) -> None:
        """Close the documents."""
        await self.knowledge.aclose()


def _no_secret(name: str) -> None:
    """Return None: the operator's secrets are of the default tenant."""


class LocalServices(TenantServices):
    """The services of a process that serves no one else; raises SettingsRefused."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(ProcessServices(settings), DEFAULT_TENANT)

    def lasting(self, workflow: str) -> LastingVariables:
        """Return the variables in the data folder."""
        return LocalVariables(self._settings.data_dir / "variables.db", workflow)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the documents, all connections, and the sandboxes."""
        await super().aclose()
        await self._shared.aclose()
