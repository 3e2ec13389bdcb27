"""The operator's settings, read from environment variables that start with FLOWC_."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flowc.nodes.services.models.observers import Observer


def _egress_rules(value: Any) -> Any:
    """Read networks with the ports that may be dialled in them; no ports means all.

    >>> _egress_rules("127.0.0.1:11434, 127.0.0.1:80, 10.0.0.0/8, ::1, [::1]:80")
    {'127.0.0.1': [11434, 80], '10.0.0.0/8': [], '::1': [80]}
    """
    if not isinstance(value, str):
        return value
    rules: dict[str, list[int]] = {}
    for rule in filter(None, (part.strip() for part in value.split(","))):
        host, colon, port = rule.rpartition(":")
        has_port = bool(colon) and port.isdigit() and "/" not in port and not _is_address(rule)
        network = host.strip("[]") if has_port else rule.strip("[]")
        ports = rules.setdefault(network, [])
        ports += [int(port)] if has_port else []
    return rules


def _limits(value: Any) -> Any:
    """Read numbers by node type; the field's own type checks them.

    >>> _limits("llm:8, http:20")
    {'llm': '8', 'http': '20'}
    """
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
    return {name.strip(): limit.strip() for name, _, limit in pairs}


def _words(value: Any) -> Any:
    """Read a list that is separated by commas.

    >>> _words("langfuse, posthog")
    ['langfuse', 'posthog']
    """
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Settings(BaseSettings):
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
    redis_url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|unix)://",
        description="redis://…: the events of runs are also published to Redis Streams there.",
    )
    run_slots: int = Field(
        default=100, ge=1, le=1_000, description="Most runs that one process works on at once."
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        description="How many runs all processes may work on at once; if set, every run is queued.",
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
    models_file: Path | None = Field(
        default=None,
        description="File that maps the model names in workflows to models (JSON or YAML).",
    )
    model_observers: Annotated[list[Observer], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="Services notified of model calls (langfuse, posthog); litellm reads their keys"
        " from the environment.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="URL that receives spans of model calls, as OTLP over HTTP: https://…/v1/traces.",
    )
    record_prompts: bool = Field(
        default=False, description="Whether observers and spans include prompts and outputs."
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
    document_dirs: Annotated[list[Path], NoDecode, BeforeValidator(_words)] = Field(
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
    egress_allow: Annotated[dict[str, list[int]], NoDecode, BeforeValidator(_egress_rules)] = Field(
        default_factory=dict,
        description="Private networks that workflows may reach, such as 127.0.0.1:8080,10.0.0.0/8.",
    )
    own_addresses: Annotated[list[str], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="This server's own public addresses, which workflows may not reach.",
    )
    egress_nat64: bool = Field(
        default=False, description="Whether this network reaches IPv4 through NAT64."
    )
    max_body_bytes: int = Field(
        default=4_000_000, ge=1, description="Largest HTTP request body, in bytes."
    )
    max_parallel_by_type: Annotated[
        dict[str, Annotated[int, Field(ge=1)]], NoDecode, BeforeValidator(_limits)
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

    allowed_hosts: Annotated[list[str], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="Names, other than those of this machine, that clients may call the server by"
        " (its `Host`), separated by commas; `*` for all.",
    )
    cors_origins: Annotated[
        list[Annotated[str, Field(pattern=r"^https?://[^/*,\s]+$")]],
        NoDecode,
        BeforeValidator(_words),
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

    tls_cert: Path | None = Field(
        default=None,
        description="File with the server's certificate and its chain (PEM): the server speaks"
        " HTTPS.",
    )
    tls_key: Path | None = Field(
        default=None, description="File with the key of the certificate (PEM), without a password."
    )

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'flowc.db'}"

    @property
    def admin_key_file(self) -> Path:
        """The file with the first API key, for commands on this machine."""
        return self.data_dir / "admin-key"

    def secret_variable(self, name: str) -> str | None:
        """Return a secret from the environment; None if it is not set."""
        return os.environ.get(self.secret_variable_name(name))

    def secret_variable_name(self, name: str) -> str:
        """Return the name of the environment variable that sets a secret."""
        return f"FLOWC_SECRET_{name.upper()}"


def is_sqlite(url: str) -> bool:
    """Return whether a database is a file on this machine.

    >>> is_sqlite("sqlite:///data/flowc.db"), is_sqlite("postgresql://db/flowc")
    (True, False)
    """
    return url.startswith("sqlite")
