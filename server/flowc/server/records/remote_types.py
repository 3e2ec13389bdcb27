"""A node type whose work a service elsewhere does, as a tenant registered it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class NewRemoteType:
    """A type to register: `arguments` and `output` are JSON Schemas, `timeout` is in seconds.

    `secret` is the name of the secret that signs calls; `health_url` answers whether the service
    works.
    """

    name: str
    description: str
    url: str
    health_url: str | None
    arguments: dict[str, Any]
    output: dict[str, Any]
    secret: str
    timeout: float
    version: str


@dataclass(frozen=True, kw_only=True)
class RegisteredType(NewRemoteType):
    """A registered type; it has another `revision` whenever it is registered again."""

    revision: int
    registered_by: str
    created_at: datetime
    updated_at: datetime
