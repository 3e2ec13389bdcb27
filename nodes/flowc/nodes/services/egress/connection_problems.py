"""Names what went wrong with a connection: the name, the port, the certificate, or the answer."""

import errno
import ssl
from collections.abc import Iterator

import httpcore
import httpx

from flowc.nodes.services.egress.client import RequestFailed

TRUST = "The operator can name the certificate of its CA in FLOWC_CA_FILE (PEM)."
CLIENT_CERTIFICATE = "The operator can set a client certificate for the host in FLOWC_TLS_FILE."
# As OpenSSL numbers them.
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_PLAIN = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"}
)
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})
_ASKS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "HANDSHAKE_FAILURE", "UNKNOWN_CA")
_IN_PROGRESS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_CUT_OFF = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class NameUnknown(httpcore.ConnectError):
    """The name of a host cannot be resolved."""


def problem_of(problem: Exception, host: str) -> RequestFailed:
    """Return what to raise for a failure of httpx in a call of a host."""
    where = repr(host[:80])
    for cause in _causes(problem):
        found = _of_cause(cause, where)
        if found is not None:
            return found
    name = type(problem).__name__
    if isinstance(problem, _CUT_OFF):
        return RequestFailed(f"{where} closed the connection, or its response is no HTTP ({name})")
    return RequestFailed(f"the connection to {where} broke ({name})")


def _of_cause(cause: BaseException, where: str) -> RequestFailed | None:
    if isinstance(cause, NameUnknown):
        return RequestFailed(str(cause), "host-not-found")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _of_certificate(cause, where)
    # Of a handshake that is still in progress.
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, _IN_PROGRESS):
        return _of_tls(cause, where)
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.ECONNREFUSED:
        message = f"nothing listens at the port of {where} (connection refused)"
        return RequestFailed(message, "connection-refused")
    if number in _UNREACHABLE:
        return RequestFailed(f"{where} cannot be reached from here", "host-unreachable")
    return None


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from, and what is in groups of them."""
    found, seen = [problem], set[int]()
    # It grows while it is gone through.
    for each in found:
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        found += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
        if isinstance(each, BaseExceptionGroup):
            found += each.exceptions


def _of_certificate(problem: ssl.SSLCertVerificationError, where: str) -> RequestFailed:
    what, hint = f"is not trusted: {problem.verify_message}", None
    if problem.verify_code in {_OTHER_NAME, _OTHER_ADDRESS}:
        what = f"is one for another name: {problem.verify_message}"
    elif problem.verify_code == _EXPIRED:
        what = "has expired"
    elif problem.verify_code == _NOT_YET:
        what = "is not valid yet"
    else:
        hint = TRUST
    return _lasting(f"TLS failed: the certificate of {where} {what}", hint)


def _of_tls(problem: ssl.SSLError, where: str) -> RequestFailed:
    reason = problem.reason or type(problem).__name__
    if reason in _PLAIN:
        message = f"TLS failed: the port of {where} does not speak it ({reason})"
        return _lasting(message, "Write http:// if the service has no TLS, or another port.")
    if any(each in reason for each in _ASKS):
        message = f"TLS failed: {where} wants a client certificate, or another one ({reason})"
        return _lasting(message, CLIENT_CERTIFICATE)
    return _lasting(f"TLS failed with {where} ({reason})", None)


def _lasting(message: str, hint: str | None) -> RequestFailed:
    return RequestFailed(message, "tls-failed", hint, is_lasting=True)
