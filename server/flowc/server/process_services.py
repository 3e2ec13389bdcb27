"""The services that a process offers to its nodes: models, HTTP, sandboxes, secrets, documents."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.guards import Circuits, Guards, Limits, MemoryCache, NodeCache
from flowc.compiler.reading.documents import read_file
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.files import Files
from flowc.nodes.services.knowledge import Knowledge, Sources
from flowc.nodes.services.mcp import McpServers, read_mcp_file
from flowc.nodes.services.models import Models, read_models_file
from flowc.nodes.services.models.observers import Observers
from flowc.nodes.services.operator_files import OperatorFileRefused
from flowc.nodes.services.sandbox import Sandboxes
from flowc.nodes.services.sandbox.asteval_engine import AstevalEngine
from flowc.nodes.services.sandbox.monty_engine import MontyEngine
from flowc.rag.folders import Folders
from flowc.rag.stores import DocumentStore
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.settings import Settings, is_sqlite


class SettingsRefused(Exception):
    """The settings cannot be used; the message names the setting and the problem."""


class ProcessServices:
    """The services of one process and event loop; close it when done."""

    def __init__(
        self, settings: Settings, cache: NodeCache | None = None, files: Files | None = None
    ) -> None:
        self._settings = settings
        self.guards = Guards(
            cache or MemoryCache(),
            Limits(settings.max_parallel_by_type),
            Circuits(settings.circuit_threshold, settings.circuit_pause),
        )
        self._secrets = _read_secrets(settings.secrets_file) if settings.secrets_file else {}
        try:
            policy = EgressPolicy.of_rules(
                settings.egress_allow,
                nat64=settings.egress_nat64,
                own_addresses=settings.own_addresses,
            )
        except ValueError as problem:
            message = f"FLOWC_EGRESS_ALLOW or FLOWC_OWN_ADDRESSES: {problem}."
            raise SettingsRefused(message) from None
        try:
            aliases = read_models_file(settings.models_file) if settings.models_file else {}
            servers = read_mcp_file(settings.mcp_file) if settings.mcp_file else {}
        except OperatorFileRefused as problem:
            raise SettingsRefused(str(problem)) from None
        self.http = HttpClient(policy)
        self.mcp = McpServers(servers, policy=policy)
        self.sandboxes = new_sandboxes()
        self.models = Models(
            aliases,
            default_model=settings.default_model,
            policy=policy,
            observers=Observers(tuple(settings.model_observers), settings.record_prompts),
        )

        self.knowledge = Knowledge(
            partial(_open_store, settings),
            self.models,
            Sources(Folders(settings.document_dirs), self.http, files),
            default_model=settings.embedding_model,
        )

    @property
    def by_type(self) -> Mapping[type, Any]:
        """The services by their types, as nodes ask for them."""
        own = (self.http, self.sandboxes, self.models, self.mcp, self.knowledge)
        return {type(service): service for service in own}

    def secret(self, name: str) -> str | None:
        """Return a secret, from the environment or from the operator's file."""
        return self._settings.secret_variable(name) or self._secrets.get(name)

    def secret_hint(self, name: str) -> str:
        """Return how the operator sets a secret."""
        file = self._settings.secrets_file
        where = f"{str(file)[:100]!r}" if file is not None else "the file of FLOWC_SECRETS_FILE"
        variable = self._settings.secret_variable_name(name)
        return f"The operator can set {variable} in the environment, or {name[:60]!r} in {where}."

    async def aclose(self) -> None:
        """Close connections and end sandboxes."""
        await self.knowledge.aclose()
        await self.http.aclose()
        await self.sandboxes.aclose()


def new_sandboxes() -> Sandboxes:
    """Return the sandboxes for code; each starts when it is first used. Close them when done."""
    return Sandboxes((MontyEngine(), AstevalEngine()))


def local_documents(settings: Settings) -> Path:
    """Return the folder of the documents, if they are not in PostgreSQL."""
    return settings.data_dir / "knowledge" / DEFAULT_TENANT


async def _open_store(settings: Settings) -> DocumentStore:
    # Imported here: Chroma takes a second, and few workflows use documents.
    if is_sqlite(settings.database):
        from flowc.rag.stores.local import LocalStore  # noqa: PLC0415

        return await LocalStore.open(local_documents(settings), DEFAULT_TENANT)
    from flowc.rag.stores.postgres import PostgresStore  # noqa: PLC0415

    return await PostgresStore.open(settings.database, DEFAULT_TENANT)


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise SettingsRefused(f"{path}: {problem.diagnostics[0].message}") from None
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise SettingsRefused(f"{path}: the file must map names to texts.")
    return dict(data)
