"""How the services that send messages to webhooks prove that a message is theirs.

Each follows the algorithm that the service documents.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from standardwebhooks import WebhookVerificationError

from flowc.server.records.refused import Refused
from flowc.server.secrets.signing import ID, signer_with

# Seconds by which the time in a message may differ from ours.
TOLERANCE = 300
FORM = "application/x-www-form-urlencoded"


class SenderKind(StrEnum):
    """Who sends messages to a webhook, and so how they are verified."""

    STANDARD = "standard"
    GITHUB = "github"
    GITLAB = "gitlab"
    SHOPIFY = "shopify"
    SLACK = "slack"
    STRIPE = "stripe"
    TWILIO = "twilio"
    HMAC = "hmac"
    TOKEN = "token"
    BASIC = "basic"
    NONE = "none"


class SignatureRefused(Refused):
    """The signature is missing or invalid."""


class SentMessage(NamedTuple):
    """A message as it came; the names of its headers are in lower case."""

    method: str
    url: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields of a form; none if the body is none."""
        if self.media_type != FORM:
            return []
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


class Verification(NamedTuple):
    """How messages of one kind are verified, and which of their headers stay out of runs."""

    is_right: Callable[[SentMessage, str, str], bool]
    id_of: Callable[[SentMessage], str | None]
    header: str = ""


def verify(kind: SenderKind, message: SentMessage, secret: str, header: str | None) -> str | None:
    """Return the sender's id of a message, if it has one; raise SignatureRefused."""
    found = VERIFICATIONS[kind]
    try:
        if found.is_right(message, secret, (header or found.header).lower()):
            return found.id_of(message)
    except (ValueError, WebhookVerificationError):
        pass
    raise SignatureRefused


def _hmac(secret: str, *parts: bytes, hash: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), b"".join(parts), hash).digest()


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _is_recent(moment: str) -> bool:
    return moment.isdecimal() and abs(time.time() - int(moment)) <= TOLERANCE


def _standard(message: SentMessage, secret: str, header: str) -> bool:
    signer_with("", secret).verify(message.body, dict(message.headers), json_parse=False)
    return True


def _github(message: SentMessage, secret: str, header: str) -> bool:
    given = message.headers.get(header, "")
    return _is_same(given, f"sha256={_hmac(secret, message.body).hex()}")


def _any_hmac(message: SentMessage, secret: str, header: str) -> bool:
    """Return whether a header has the HMAC-SHA256 of the body, in hexadecimal or base64."""
    given = message.headers.get(header, "").strip().removeprefix("sha256=")
    digest = _hmac(secret, message.body)
    is_hexadecimal = _is_same(given.lower(), digest.hex())
    return is_hexadecimal or _is_same(given, base64.b64encode(digest).decode())


def _stripe(message: SentMessage, secret: str, header: str) -> bool:
    pairs = [part.partition("=") for part in message.headers.get(header, "").split(",")]
    moments = [value for name, _, value in pairs if name.strip() == "t"]
    if len(moments) != 1 or not _is_recent(moments[0]):
        return False
    expected = _hmac(secret, f"{moments[0]}.".encode(), message.body).hex()
    return any(_is_same(value, expected) for name, _, value in pairs if name.strip() == "v1")


def _slack(message: SentMessage, secret: str, header: str) -> bool:
    moment = message.headers.get("x-slack-request-timestamp", "")
    expected = _hmac(secret, f"v0:{moment}:".encode(), message.body).hex()
    return _is_recent(moment) and _is_same(message.headers.get(header, ""), f"v0={expected}")


def _shopify(message: SentMessage, secret: str, header: str) -> bool:
    expected = base64.b64encode(_hmac(secret, message.body)).decode()
    return _is_same(message.headers.get(header, ""), expected)


def _twilio(message: SentMessage, secret: str, header: str) -> bool:
    digest = dict(message.query).get("bodySHA256")
    if digest is not None and not message.form:
        if not _is_same(digest.lower(), hashlib.sha256(message.body).hexdigest()):
            return False
        fields = ""
    else:
        fields = "".join(name + value for name, value in sorted(set(message.form)))
    given = message.headers.get(header, "")
    signed = (
        base64.b64encode(_hmac(secret, f"{url}{fields}".encode(), hash="sha1")).decode()
        for url in _public_urls(message.url)
    )
    return any([_is_same(given, each) for each in signed])


def _public_urls(url: str) -> list[str]:
    """Return what the sender may have called: a proxy may hide TLS, and a port may be left out.

    >>> _public_urls("http://flows.example/hooks/sms?a=1")[:2]
    ['http://flows.example/hooks/sms?a=1', 'https://flows.example/hooks/sms?a=1']
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    standard = {"http": 80, "https": 443}
    return [
        urlunsplit(parts._replace(scheme=scheme, netloc=netloc))
        for netloc in dict.fromkeys((parts.netloc, host, *(f"{host}:{p}" for p in (80, 443))))
        for scheme, port in standard.items()
        if netloc not in {f"{host}:{other}" for other in standard.values() if other != port}
    ]


def _token(message: SentMessage, secret: str, header: str) -> bool:
    given = message.headers.get(header, "")
    if header == "authorization":
        given = re.sub(r"^(?i:bearer|token)\s+", "", given)
    return _is_same(given, secret)


def _basic(message: SentMessage, secret: str, header: str) -> bool:
    scheme, _, encoded = message.headers.get(header, "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, secret.encode())


def _header(*names: str) -> Callable[[SentMessage], str | None]:
    def id_of(message: SentMessage) -> str | None:
        return next((found for name in names if (found := message.headers.get(name))), None)

    return id_of


def _field(name: str, otherwise: str) -> Callable[[SentMessage], str | None]:
    """Return what reads an id from a field of the body, else from a header that is signed."""

    def id_of(message: SentMessage) -> str | None:
        found = _json(message.body)
        id = found.get(name) if isinstance(found, dict) else None
        return id if isinstance(id, str) else message.headers.get(otherwise)

    return id_of


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


_OFTEN = _header("idempotency-key", "webhook-id")
VERIFICATIONS: Mapping[SenderKind, Verification] = {
    SenderKind.STANDARD: Verification(_standard, _header(ID), "webhook-signature"),
    SenderKind.GITHUB: Verification(_github, _header("x-github-delivery"), "x-hub-signature-256"),
    SenderKind.GITLAB: Verification(_token, _header("idempotency-key"), "x-gitlab-token"),
    SenderKind.SHOPIFY: Verification(
        _shopify, _header("x-shopify-webhook-id", "x-shopify-event-id"), "x-shopify-hmac-sha256"
    ),
    SenderKind.SLACK: Verification(
        _slack, _field("event_id", "x-slack-signature"), "x-slack-signature"
    ),
    SenderKind.STRIPE: Verification(_stripe, _field("id", "stripe-signature"), "stripe-signature"),
    SenderKind.TWILIO: Verification(
        _twilio, _header("i-twilio-idempotency-token"), "x-twilio-signature"
    ),
    SenderKind.HMAC: Verification(_any_hmac, _OFTEN, "x-signature"),
    SenderKind.TOKEN: Verification(_token, _OFTEN, "authorization"),
    SenderKind.BASIC: Verification(_basic, _OFTEN, "authorization"),
    SenderKind.NONE: Verification(lambda *_: True, _OFTEN),
}
