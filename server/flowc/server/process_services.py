"""The services that all tenants of a process share: models, HTTP, sandboxes, MCP servers."""

from pathlib import Path
from typing import Any

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.guards import Limits
from flowc.compiler.reading.documents import read_file
from flowc.compiler.running.redaction import KnownSecrets
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.egress.trust import Trust, read_tls_file
from flowc.nodes.services.mcp import McpServers, read_mcp_file
from flowc.nodes.services.models import Models, read_models_file
from flowc.nodes.services.operator_files import OperatorFileRefused
from flowc.nodes.services.sandbox import Engine, Sandboxes
from flowc.nodes.services.sandbox.asteval_engine import AstevalEngine
from flowc.nodes.services.sandbox.monty_engine import MontyEngine
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.document_stores import DocumentStores
from flowc.server.environment_values import EnvironmentRefused, SetValues, read_env_file
from flowc.server.numbers.metrics import Metrics
from flowc.server.numbers.model_counts import ModelCounts
from flowc.server.numbers.sandbox_counts import CountedEngine
from flowc.server.records.refused import sentence_of
from flowc.server.secrets.sealing import BadSealingKey, Seals, keys_in
from flowc.server.secrets.vault import Vault, VaultAddress, token_in
from flowc.server.settings import Settings
from flowc.server.traces.observers import LangfuseAccount, ObserverRefused, PosthogAccount


class SettingsRefused(Exception):
    """The settings cannot be used; the message names the setting and the problem."""


_TWO_TOKENS = "FLOWC_VAULT_URL needs one of FLOWC_VAULT_TOKEN and FLOWC_VAULT_TOKEN_FILE."


class ProcessServices:
    """The services that the tenants of one process and event loop share; close them when done."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.limits = Limits(settings.max_parallel_by_type)
        self._secrets = _read_secrets(settings.secrets_file) if settings.secrets_file else {}
        self._env = _read_env(settings.env_file) if settings.env_file else {}
        self._env_variables = settings.env_variables()
        self.seals = _seals(settings)
        # Of all tenants: what is logged is not one tenant's.
        self.known = KnownSecrets()
        keys = _observer_keys(settings)
        given = filter(None, [settings.vault_token, settings.oidc_client_secret])
        self.known.add([*self.seals.keys, *keys, *given])
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
            hosts = read_tls_file(settings.tls_file) if settings.tls_file else {}
            trust = Trust(settings.ca_file, hosts)
            trust.require_readable()
            aliases = read_models_file(settings.models_file) if settings.models_file else {}
            servers = read_mcp_file(settings.mcp_file) if settings.mcp_file else {}
        except OperatorFileRefused as problem:
            raise SettingsRefused(str(problem)) from None
        self.http = HttpClient(policy, trust=trust)
        self.vault = _vault(settings, policy)
        self.mcp = McpServers(servers, policy=policy)
        self.sandboxes = new_sandboxes(metrics)
        self.documents = DocumentStores(settings)
        self.models = Models(
            aliases,
            default_model=settings.default_model,
            policy=policy,
            listener=ModelCounts(metrics, self._redacted) if metrics is not None else None,
            records_prompts=settings.record_prompts,
        )

    def _redacted(self, text: str) -> str:
        return self.known.redactor.text(text) if self.known.redactor else text

    def secret(self, name: str) -> str | None:
        """Return a secret, from the environment or from the operator's file."""
        return self.settings.secret_variable(name) or self._secrets.get(name)

    def env(self, tenant: str) -> SetValues:
        """Return the values of `env` of a tenant; the variables are of the default one."""
        if tenant == DEFAULT_TENANT:
            return SetValues(self._env_variables, self._env.get("", {}))
        return SetValues({}, self._env.get(tenant, {}))

    def secret_hint(self, name: str) -> str:
        """Return how the operator sets a secret."""
        file = self.settings.secrets_file
        where = f"{str(file)[:100]!r}" if file is not None else "the file of FLOWC_SECRETS_FILE"
        variable = self.settings.secret_variable_name(name)
        return f"The operator can set {variable} in the environment, or {name[:60]!r} in {where}."

    async def aclose(self) -> None:
        """Close connections and end sandboxes."""
        await self.http.aclose()
        if self.vault is not None:
            await self.vault.http.aclose()
        await self.sandboxes.aclose()
        await self.documents.aclose()


def new_sandboxes(metrics: Metrics | None = None) -> Sandboxes:
    """Return the sandboxes for code; each starts when it is first used. Close them when done."""
    engines: tuple[Engine, ...] = (MontyEngine(), AstevalEngine())
    if metrics is None:
        return Sandboxes(engines)
    return Sandboxes(tuple(CountedEngine(engine, metrics) for engine in engines))


def _observer_keys(settings: Settings) -> list[str]:
    """Return the keys of the services that observe runs; raise SettingsRefused if one has none."""
    found: list[str] = []
    try:
        if "langfuse" in settings.model_observers:
            found.append(LangfuseAccount.in_environment().secret_key)
        if "posthog" in settings.model_observers:
            found.append(PosthogAccount.in_environment().key)
    except ObserverRefused as problem:
        raise SettingsRefused(str(problem)) from None
    return found


def _seals(settings: Settings) -> Seals:
    file, keys = settings.sealing_keys_file, list(settings.sealing_keys)
    try:
        keys += keys_in(file) if file is not None else []
        return Seals(list(dict.fromkeys(keys)))
    except (OSError, ValueError) as problem:
        reason = type(problem).__name__
        raise SettingsRefused(f"FLOWC_SEALING_KEYS_FILE cannot be read: {reason}.") from None
    except BadSealingKey as problem:
        message = f"FLOWC_SEALING_KEYS or FLOWC_SEALING_KEYS_FILE: {sentence_of(type(problem))}"
        raise SettingsRefused(message) from None


def _vault(settings: Settings, policy: EgressPolicy) -> Vault | None:
    url, token, file = settings.vault_url, settings.vault_token, settings.vault_token_file
    if url is None:
        return None
    if (token is None) == (file is None):
        raise SettingsRefused(_TWO_TOKENS)
    address = VaultAddress(url, settings.vault_mount, settings.vault_path, settings.vault_namespace)
    source = token_in(file) if file is not None else lambda: token or ""
    return Vault(address, source, HttpClient(policy.serving([url])), settings.vault_seconds)


def _read_env(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return read_env_file(path)
    except EnvironmentRefused as problem:
        raise SettingsRefused(str(problem)) from None


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise SettingsRefused(f"{path}: {problem.diagnostics[0].message}") from None
    if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
        raise SettingsRefused(f"{path}: the file must map names to texts.")
    return dict(data)
