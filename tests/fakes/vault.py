"""A vault on loopback that speaks the wire format of HashiCorp Vault's KV engine, version 2."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fakes.loopback import Reply, Request, Server, serving

TOKEN = "hvs.CAESIJ-fake-token-of-a-vault"
PREFIX = "/v1/secret/data/"


@dataclass
class FakeVault:
    """The entries by path below the mount, such as `flowc/default/token`; deleted ones are None."""

    entries: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    token: str = TOKEN
    is_sealed: bool = False
    server: Server = field(default_factory=lambda: Server(0))

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def paths(self) -> list[str]:
        return [request.path.removeprefix(PREFIX) for request in self.server.requests]

    def answer(self, request: Request) -> Reply:
        if self.is_sealed:
            return _reply({"errors": ["Vault is sealed"]}, 503)
        if request.headers.get("x-vault-token") != self.token:
            return _reply({"errors": ["permission denied"]}, 403)
        path = request.path.removeprefix(PREFIX)
        if path not in self.entries:
            return _reply({"errors": []}, 404)
        entry = self.entries[path]
        about = {"created_time": "2026-11-01T10:00:00.123456789Z", "custom_metadata": None, "destroyed": False, "version": 3}  # fmt: skip
        deleted = "" if entry is not None else "2026-11-02T10:00:00.5Z"
        data = {"data": entry, "metadata": {**about, "deletion_time": deleted}}
        body = {
            "request_id": "9d3a0f0e-66d3-9c2c-4f3b-9f2f1b1f3a55",
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": data,
            "wrap_info": None,
            "warnings": None,
            "auth": None,
            "mount_type": "kv",
        }
        # The newest version of an entry that was deleted is answered with 404 and its metadata.
        return _reply(body, 200 if entry is not None else 404)


@contextmanager
def vault(entries: dict[str, dict[str, Any] | None]) -> Iterator[FakeVault]:
    """Serve a vault with these entries."""
    fake = FakeVault(entries)
    with serving(fake.answer) as fake.server:
        yield fake


def _reply(body: Any, status: int) -> Reply:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Reply(status, json.dumps(body).encode(), headers)
