"""What can the operator set? Every setting is an environment variable that begins with FLOWC_."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flowc.nodes.services.models.observers import Observer


def _egress_rules(value: Any) -> Any:
    """Read `127.0.0.1:11434,10.0.0.0/8` as networks with the ports that may be dialled in them."""
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
    """Read `llm:8,http:20` as numbers by node type."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
    return {name.strip(): most.strip() for name, _, most in pairs}


def _words(value: Any) -> Any:
    """Read a list written with commas."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Settings(BaseSettings):
    """The operator's settings."""

    model_config = SettingsConfigDict(env_prefix="FLOWC_", frozen=True)

    data_dir: Path = Field(default=Path("flowc-data"), description="Where runs are kept.")
    database_url: str | None = Field(
        default=None,
        description="postgresql://…, for more than one machine; without it, SQLite in data_dir.",
        pattern=r"^(postgresql|sqlite)://",
    )
    redis_url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|unix)://",
        description="redis://…, where the events of runs are published to Redis Streams as well.",
    )
    run_slots: int = Field(
        default=20, ge=1, le=1_000, description="Runs that one process works on at once."
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        description="Runs that all processes together work on at once; then all are queued.",
    )
    poll_seconds: float = Field(
        default=0.4,
        ge=0.02,
        le=60,
        description="How often a worker looks for queued runs: latency against idle CPU.",
    )
    drain_seconds: int = Field(
        default=10, ge=0, description="How long a stopping process lets its runs finish."
    )
    takeover_seconds: float = Field(
        default=5.0, ge=1, description="How long a worker is missing before its runs are taken."
    )
    keep_runs_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which runs that have ended are forgotten; without it, never.",
    )
    models_file: Path | None = Field(
        default=None, description="Models by the names that workflows use (JSON or YAML)."
    )
    model_observers: Annotated[list[Observer], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="Who is told of model calls: langfuse, posthog; their keys are in the"
        " environment, as litellm has them.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where spans of model calls are sent, as OTLP over HTTP: …/v1/traces.",
    )
    record_prompts: bool = Field(
        default=False, description="Whether observers and spans get prompts and outputs, too."
    )
    warm_models: bool = Field(
        default=True,
        description="Whether a process that works loads litellm when it starts, not at first use.",
    )
    mcp_file: Path | None = Field(
        default=None,
        description="MCP servers by the names that workflows use (JSON or YAML).",
    )
    embedding_model: str = Field(
        default="offline/wordllama",
        description="The model of collections for which none is named.",
    )
    document_dirs: Annotated[list[Path], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list, description="Folders whose documents workflows may read."
    )
    max_file_bytes: int = Field(default=100_000_000, ge=1, description="Of one uploaded file.")
    default_model: str = Field(
        default="offline/echo", description="The model of nodes that name none."
    )
    secrets_file: Path | None = Field(
        default=None, description="Secrets by name (JSON or YAML). FLOWC_SECRET_NAME sets one, too."
    )
    egress_allow: Annotated[dict[str, list[int]], NoDecode, BeforeValidator(_egress_rules)] = Field(
        default_factory=dict,
        description="Networks that are not public and may be dialled: 127.0.0.1:8080,10.0.0.0/8.",
    )
    own_addresses: Annotated[list[str], NoDecode, BeforeValidator(_words)] = Field(
        default_factory=list,
        description="This server's own public addresses, which no workflow may dial.",
    )
    egress_nat64: bool = Field(
        default=False, description="Whether this network reaches IPv4 through NAT64."
    )
    max_body_bytes: int = Field(default=4_000_000, ge=1, description="Of one HTTP request.")
    max_parallel_by_type: Annotated[
        dict[str, Annotated[int, Field(ge=1)]], NoDecode, BeforeValidator(_limits)
    ] = Field(
        default_factory=dict,
        description="Nodes of a type at work at once in this process: llm:8,http:20.",
    )
    circuit_threshold: int = Field(
        default=5, ge=1, description="Failures in a row after which a host or model is left alone."
    )
    circuit_pause: float = Field(
        default=30.0, gt=0, description="Seconds after which one call tries it again."
    )
    server_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Server that `flowc runs` and `flowc push` talk to, as with their --server.",
    )
    max_steps: int = Field(
        default=10_000, ge=1, description="Supersteps that a run may take before it is stopped."
    )

    @property
    def database(self) -> str:
        """The address of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'flowc.db'}"

    def secret_variable(self, name: str) -> str | None:
        """Return a secret that the environment holds."""
        return os.environ.get(f"FLOWC_SECRET_{name.upper()}")
