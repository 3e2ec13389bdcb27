"""What the operator trusts and shows in TLS: CAs, and client certificates by host."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from flowc.nodes.services.operator_files import OperatorFileRefused, read_entries


class HostTls(BaseModel):
    """The files (PEM) for one host: its CA, and the certificate and the key to show to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> "HostTls":
        if self.key is not None and self.cert is None:
            raise ValueError("a key needs the certificate that it is of, as `cert`")
        return self


@dataclass(frozen=True)
class Trust:
    """The CAs that are trusted in addition to the system's, and what is special for some hosts."""

    ca_file: Path | None = None
    hosts: Mapping[str, HostTls] = field(default_factory=dict)

    def context(self, host: str | None = None) -> ssl.SSLContext:
        """Return the context for connections to a host, or to all others; raise OSError."""
        own = self.hosts[host] if host is not None else HostTls()
        return _context(self.ca_file, own.ca, own.cert, own.key)

    def require_readable(self) -> None:
        """Raise OperatorFileRefused unless all the files can be used."""
        if self == Trust():
            return
        for host in (None, *self.hosts):
            try:
                self.context(host)
            except OSError as problem:
                where = "FLOWC_CA_FILE" if host is None else f"FLOWC_TLS_FILE, {host}"
                reason = problem.strerror or type(problem).__name__
                message = f"{where}: a certificate or key cannot be read ({reason})."
                raise OperatorFileRefused(message) from None


def _context(
    ca: Path | None, own_ca: Path | None, cert: Path | None, key: Path | None
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for file in (ca, own_ca):
        if file is not None:
            context.load_verify_locations(file)
    if cert is not None:
        # Without a terminal to ask at: a key with a password cannot be read.
        context.load_cert_chain(cert, key, password="")
    return context


def read_tls_file(path: Path) -> dict[str, HostTls]:
    """Return the hosts in a file, at the top or under `hosts`; raise OperatorFileRefused."""
    return read_entries(path, "hosts", HostTls, "the files of their certificates")
