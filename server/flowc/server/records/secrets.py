"""Secrets that tenants keep in the database: how they are sealed, and what is shown of them."""

from datetime import datetime
from typing import NamedTuple


class SecretBindings(NamedTuple):
    """Where a secret may be sent, and which workflows may read it; empty ones are no limit.

    A host `*.a.test` stands for all names below `a.test`.
    """

    hosts: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()


class SecretText(NamedTuple):
    """A secret, and what it is bound to."""

    value: str
    bindings: SecretBindings = SecretBindings()

    def __repr__(self) -> str:
        """Return a text without the value, as it may be part of a traceback."""
        return f"SecretText(***, {self.bindings!r})"


class SealedText(NamedTuple):
    """A sealed secret, and the id of the key that sealed it."""

    key_id: str
    text: str


class SecretRecord(NamedTuple):
    """A stored secret, without its value; `version` counts how often it was set."""

    name: str
    version: int
    bindings: SecretBindings
    key_id: str
    created_at: datetime
    updated_at: datetime
    updated_by: str
