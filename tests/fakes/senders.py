"""Messages as services send them to webhooks, signed by the algorithms that they document."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from standardwebhooks import Webhook

KEY = "whsec_" + base64.b64encode(b"a key of thirty-two bytes or so!").decode()


@dataclass(frozen=True)
class Sent:
    """A message with the headers that a service sends."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    # What the run gets as its input.
    expected: Any = None

    def with_headers(self, **headers: str) -> "Sent":
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return replace(self, headers={**self.headers, **named})


def _digest(body: bytes, key: str, hash: str = "sha256") -> bytes:
    return hmac.new(key.encode(), body, hash).digest()


def _json(data: Any, **headers: str) -> Sent:
    sent = Sent(json.dumps(data).encode(), {"content-type": "application/json"}, data)
    return sent.with_headers(**headers)


def standard(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent, moment = _json({"n": id}), datetime.fromtimestamp(time.time() - age, UTC)
    return sent.with_headers(
        webhook_id=id,
        webhook_timestamp=str(int(moment.timestamp())),
        webhook_signature=Webhook(secret).sign(id, moment, sent.body.decode()),
    )


def github(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent = _json({"action": "opened", "number": 7}, x_github_event="issues", x_github_delivery=id)
    return sent.with_headers(x_hub_signature_256=f"sha256={_digest(sent.body, secret).hex()}")


def gitlab(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent = _json({"object_kind": "push"}, x_gitlab_event="Push Hook", idempotency_key=id)
    return sent.with_headers(x_gitlab_token=secret)


def shopify(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent = _json({"id": 820982911946154508}, x_shopify_topic="orders/create")
    signature = base64.b64encode(_digest(sent.body, secret)).decode()
    return sent.with_headers(x_shopify_webhook_id=id, x_shopify_hmac_sha256=signature)


def slack(url: str, secret: str, id: str, age: float = 0) -> Sent:
    data = {"type": "event_callback", "event_id": id, "event": {"type": "app_mention"}}
    return replace(slack_message(json.dumps(data).encode(), secret, age), expected=data)


def slack_message(body: bytes, secret: str, age: float = 0) -> Sent:
    moment = str(int(time.time() - age))
    headers = {
        "content-type": "application/json",
        "x-slack-request-timestamp": moment,
        "x-slack-signature": f"v0={_digest(f'v0:{moment}:'.encode() + body, secret).hex()}",
    }
    return Sent(body, headers)


def stripe(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent = _json({"id": id, "type": "invoice.paid", "data": {"object": {}}})
    moment = str(int(time.time() - age))
    right = _digest(f"{moment}.".encode() + sent.body, secret).hex()
    return sent.with_headers(stripe_signature=f"t={moment},v1={'0' * 64},v1={right},v0=old")


def twilio(url: str, secret: str, id: str, age: float = 0) -> Sent:
    fields = {"From": "+15550100", "Body": "Hé & hello", "MessageSid": "SM1", "Empty": ""}
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(_digest(signed.encode(), secret, "sha1")).decode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature,
        "i-twilio-idempotency-token": id,
    }
    return Sent(urlencode(fields).encode(), headers, fields)


def any_hmac(url: str, secret: str, id: str, age: float = 0) -> Sent:
    sent = _json({"n": id}, idempotency_key=id)
    return sent.with_headers(x_signature=_digest(sent.body, secret).hex().upper())


def token(url: str, secret: str, id: str, age: float = 0) -> Sent:
    return _json({"n": id}, idempotency_key=id, authorization=f"Bearer {secret}")


def basic(url: str, secret: str, id: str, age: float = 0) -> Sent:
    encoded = base64.b64encode(secret.encode()).decode()
    return _json({"n": id}, idempotency_key=id, authorization=f"Basic {encoded}")


Sender = Callable[..., Sent]
# By their kind: a sender, the secret that it signs with, and whether it signs the time.
SENDERS: Mapping[str, tuple[Sender, str, bool]] = {
    "standard": (standard, KEY, True),
    "github": (github, "It's a Secret to Everybody", False),
    "gitlab": (gitlab, "a-token-of-a-project", False),
    "shopify": (shopify, "a shared secret", False),
    "slack": (slack, "8f742231b10e8888abcd99yyyzzz85a5", True),
    "stripe": (stripe, "whsec_a_secret_of_an_endpoint", True),
    "twilio": (twilio, "12345", False),
    "hmac": (any_hmac, "another shared secret", False),
    "token": (token, "a-token-of-ours", False),
    "basic": (basic, "shop:pass:word", False),
}


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
