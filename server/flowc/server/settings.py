"""The operator's settings, read from environment variables that start with FLOWC_."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from flowc.server.openid_settings import OpenIdSettings
from flowc.server.setting_texts import egress_rules, limits_by_name, words

Observer = Literal["langfuse", "posthog"]


class Settings(OpenIdSettings):
    """The settings of the person who runs the server."""

    model_config = SettingsConfigDict(env_prefix="FLOWC_", frozen=True)

    data_dir: Path = Field(
        default=Path("flowc-data"),
        description="Folder for workflows, runs, uploaded files and documents.",
    )
    database_url: str | None = Field(
        default=None,
        description="postgresql://…, for several machines; default: SQLite in the data folder.",
        pattern=r"^(postgresql|sqlite)://",
    )
    auth: Literal["on", "off"] = Field(
        default="on",
        description="Whether callers need an API key or a token. With `off`, each client may do"
        " everything, so the server can only listen on this machine.",
    )
    api_key: str | None = Field(
        default=None,
        repr=False,
        description="API key that commands such as `flowc runs` send to the server; by default"
        " the one in the file `admin-key` of the data folder.",
    )
    jwt_secret: str | None = Field(
        default=None,
        repr=False,
        min_length=32,
        validation_alias=AliasChoices("FLOWC_JWT_SECRET", "JWT_SECRET"),
        description="Secret with which tokens (JWT) are signed, of 32 characters or more; also read"
        " from JWT_SECRET.",
    )
    jwt_algorithm: Literal[
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"
    ] = Field(
        default="HS256",
        validation_alias=AliasChoices("FLOWC_JWT_ALGORITHM", "JWT_ALGORITHM"),
        description="The one algorithm of tokens: HS… with FLOWC_JWT_SECRET, another one with"
        " FLOWC_JWT_KEYS_URL; also read from JWT_ALGORITHM.",
    )
    jwt_keys_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL of the public keys (JWKS) of who issues the tokens.",
    )
    jwt_issuer: str | None = Field(
        default=None, description="Issuer (`iss`) that tokens must have; needed with public keys."
    )
    jwt_audience: str | None = Field(
        default=None,
        description="Audience (`aud`) that tokens must have; needed with public keys.",
    )
    jwt_role_claim: str = Field(
        default="role",
        description="Claim with the role of a token's holder (viewer, operator, editor, admin), or"
        " a list of roles; a path such as `realm_access.roles` goes into objects.",
    )
    jwt_tenant_claim: str = Field(
        default="tenant", description="Claim with the tenant of a token's holder."
    )
    jwt_name_claim: str = Field(
        default="sub",
        description="Claim with the name that questions call a token's holder by: `sub`, or one"
        " that the issuer verifies.",
    )
    jwt_groups_claim: str = Field(
        default="groups", description="Claim with the groups that a token's holder is in."
    )
    redis_url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|unix)://",
        description="redis://…: the events of runs are also published to Redis Streams there, and"
        " rates are counted there by all processes together.",
    )
    run_slots: int = Field(
        default=100, ge=1, le=1_000, description="Most runs that one process works on at once."
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        description="How many runs all processes may work on at once; if set, every run is queued.",
    )
    max_unfinished_runs: int | None = Field(
        default=None,
        ge=1,
        description="Most unfinished runs of a tenant (pending, running, waiting or paused), in all"
        " processes together; further ones are refused with 429.",
    )
    poll_seconds: float | None = Field(
        default=None,
        ge=0.02,
        le=60,
        description="Seconds between polls of the queue; fewer seconds cost more CPU when idle. By"
        " default 0.4, and 2 on SQLite, where a process knows of most work without the queue.",
    )
    drain_seconds: int = Field(
        default=10, ge=0, description="Seconds that a stopping process lets its runs finish."
    )
    takeover_seconds: float = Field(
        default=5.0,
        ge=1,
        description="Seconds that a worker is missing before others take over its runs.",
    )
    keep_runs_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which ended runs are deleted; default: never.",
    )
    keep_analytics_days: float = Field(
        default=400, ge=1, description="Days after which the figures of a day are deleted."
    )
    models_file: Path | None = Field(
        default=None,
        description="File that maps the model names in workflows to models (JSON or YAML).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged: this level, and those above it."
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="Form of the log on stderr: lines of text, or a JSON object a line.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Port at which `flowc worker` answers `/metrics`, `/ping` and `/health`; by"
        " default, it listens to no one.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address of that port. Who reaches it needs no key: it names the workflows of"
        " all tenants, and nothing of their runs.",
    )
    model_observers: Annotated[list[Observer], NoDecode, BeforeValidator(words)] = Field(
        default_factory=list,
        description="Services that get runs and calls of models (langfuse, posthog); their keys"
        " are read from the environment.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL that receives the spans of requests, runs, nodes and calls of models, as"
        " OTLP over HTTP: https://…/v1/traces.",
    )
    record_prompts: bool = Field(
        default=False,
        description="Whether observers and spans include prompts, inputs and outputs.",
    )
    warm_models: bool = Field(
        default=True,
        description="Whether a process that runs workflows loads litellm after its start, if there"
        " is a key of a provider, a models file or a default model that needs it.",
    )
    mcp_file: Path | None = Field(
        default=None,
        description="File that maps the server names in workflows to MCP servers (JSON or YAML).",
    )
    embedding_model: str = Field(
        default="offline/wordllama",
        description="Embedding model of collections that name none.",
    )
    document_dirs: Annotated[list[Path], NoDecode, BeforeValidator(words)] = Field(
        default_factory=list,
        description="Folders that workflows may read documents from, separated by commas.",
    )
    max_file_bytes: int = Field(
        default=100_000_000, ge=1, description="Largest uploaded file, in bytes."
    )
    default_model: str = Field(default="offline/echo", description="Model of nodes that name none.")
    secrets_file: Path | None = Field(
        default=None,
        description="File with secrets by name (JSON or YAML); FLOWC_SECRET_NAME sets one of them.",
    )
    env_file: Path | None = Field(
        default=None,
        description="File with the values of `env` by name (JSON or YAML), and those of other"
        " tenants under `tenants`; FLOWC_ENV_NAME sets one of them.",
    )
    sealing_keys: Annotated[list[str], NoDecode, BeforeValidator(words)] = Field(
        default_factory=list,
        repr=False,
        description="Keys that seal the secrets in the database, separated by commas: the first"
        " one seals, all of them open. `flowc secrets key` prints a new one.",
    )
    sealing_keys_file: Path | None = Field(
        default=None, description="File with such keys, one a line, after those of the variable."
    )
    vault_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL of a vault (HashiCorp Vault, OpenBao) whose KV engine, version 2, has"
        " secrets.",
    )
    vault_token: str | None = Field(
        default=None, repr=False, description="Token that the vault asks for."
    )
    vault_token_file: Path | None = Field(
        default=None, description="File with that token, read again for each request."
    )
    vault_namespace: str | None = Field(default=None, description="Namespace in the vault.")
    vault_mount: str = Field(default="secret", description="Where the KV engine is mounted.")
    vault_path: str = Field(
        default="flowc",
        description="Where in the engine secrets are: `name` of a tenant is at PATH/TENANT/NAME,"
        " in the field `value`.",
    )
    vault_seconds: float = Field(
        default=60,
        ge=0,
        description="Seconds after which a secret is read from the vault again.",
    )
    egress_allow: Annotated[dict[str, list[int]], NoDecode, BeforeValidator(egress_rules)] = Field(
        default_factory=dict,
        description="Private networks that workflows may reach, such as 127.0.0.1:8080,10.0.0.0/8.",
    )
    own_addresses: Annotated[list[str], NoDecode, BeforeValidator(words)] = Field(
        default_factory=list,
        description="This server's own public addresses, which workflows may not reach.",
    )
    egress_nat64: bool = Field(
        default=False, description="Whether this network reaches IPv4 through NAT64."
    )
    ca_file: Path | None = Field(
        default=None,
        description="File with certificates of CAs (PEM) that `http`, `connector` and URLs of"
        " documents trust in addition to the system's. SSL_CERT_FILE replaces the system's for"
        " these, models and MCP servers.",
    )
    tls_file: Path | None = Field(
        default=None,
        description="File (JSON or YAML) that maps hosts to files (PEM): the `cert` and the `key`"
        " that workflows show to the host, and the `ca` that they trust there.",
    )
    max_body_bytes: int = Field(
        default=4_000_000, ge=1, description="Largest HTTP request body, in bytes."
    )
    max_parallel_by_type: Annotated[
        dict[str, Annotated[int, Field(ge=1)]], NoDecode, BeforeValidator(limits_by_name)
    ] = Field(
        default_factory=dict,
        description="Most nodes of a type that run at once in this process, such as llm:8,http:20.",
    )
    circuit_threshold: int = Field(
        default=5,
        ge=1,
        description="Failures in a row after which a host or model is no longer called.",
    )
    circuit_pause: float = Field(
        default=30.0,
        gt=0,
        description="Seconds after which one call tries such a host or model again.",
    )
    server_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Server that `flowc runs` and `flowc push` talk to, as with their --server.",
    )
    max_steps: int = Field(
        default=10_000,
        ge=1,
        description="Most LangGraph supersteps of a run; a run that takes more fails.",
    )

    allowed_hosts: Annotated[list[str], NoDecode, BeforeValidator(words)] = Field(
        default_factory=list,
        description="Names, other than those of this machine, that clients may call the server by"
        " (its `Host`), separated by commas; `*` for all.",
    )
    cors_origins: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^/*,\s]+$")]],
        NoDecode,
        BeforeValidator(words),
    ] = Field(
        default_factory=list,
        description="Sites whose pages may use the server from browsers, such as"
        " https://app.example, separated by commas.",
    )

    header_seconds: float = Field(
        default=10, gt=0, description="Seconds in which the headers of a request must arrive."
    )
    body_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds in which the body of a request must arrive, and a second more for"
        " each 1,000 bytes of it.",
    )
    max_header_bytes: int = Field(
        default=65_536, ge=1_024, description="Largest headers of a request, in bytes."
    )
    keep_alive_seconds: int = Field(
        default=75,
        ge=1,
        description="Seconds that an idle connection stays open: longer than proxies keep it open,"
        " as a request is lost that arrives while the server closes the connection.",
    )
    max_connections: int | None = Field(
        default=None,
        ge=1,
        description="Most connections at a time; by default 10,000, or fewer where the limit of"
        " open files leaves less room. Idle ones are closed for new ones.",
    )
    max_connections_per_address: int | None = Field(
        default=None,
        ge=1,
        description="Most connections from one address; by default half of all. Behind a proxy,"
        " set it to the number of all.",
    )

    session_hours: float = Field(
        default=12, gt=0, le=720, description="Hours after which the session of a browser ends."
    )
    caller_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Most requests a minute of one key or user, other than those that start runs;"
        " each process counts its own, without FLOWC_REDIS_URL.",
    )
    caller_starts_per_minute: int | None = Field(
        default=None, ge=1, description="Most runs that one key or user starts a minute, likewise."
    )
    tenant_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Most requests a minute of all callers of a tenant, other than those that start"
        " runs, likewise.",
    )
    tenant_starts_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Most runs that all callers of a tenant start a minute, likewise.",
    )
    failed_logins_per_minute: int = Field(
        default=300,
        ge=1,
        description="Most wrong keys, tokens and signatures a minute from one address, likewise;"
        " then, only callers that are known already are admitted from there.",
    )

    tls_cert: Path | None = Field(
        default=None, description="File with the certificate and its chain (PEM), for HTTPS."
    )
    tls_key: Path | None = Field(
        default=None, description="File with the key of the certificate (PEM), without a password."
    )

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'flowc.db'}"

    @property
    def is_tracing(self) -> bool:
        """Whether spans are sent anywhere."""
        return self.otlp_endpoint is not None or bool(self.model_observers)

    @property
    def admin_key_file(self) -> Path:
        """The file with the first API key, for commands on this machine."""
        return self.data_dir / "admin-key"

    def secret_variable(self, name: str) -> str | None:
        """Return a secret from the environment; None if it is not set."""
        return os.environ.get(self.secret_variable_name(name))

    def env_variables(self) -> dict[str, str]:
        """Return the values of `env` that are set in the environment, by name in capitals."""
        prefix = "FLOWC_ENV_"
        found = {key.removeprefix(prefix): key for key in os.environ if key.startswith(prefix)}
        return {name: os.environ[key] for name, key in found.items() if name != "FILE"}

    def secret_variable_name(self, name: str) -> str:
        """Return the name of the environment variable that sets a secret."""
        return f"FLOWC_SECRET_{name.upper()}"


def is_sqlite(url: str) -> bool:
    """Return whether a database is a file on this machine.

    >>> is_sqlite("sqlite:///data/flowc.db"), is_sqlite("postgresql://db/flowc")
    (True, False)
    """
    return url.startswith("sqlite")
