"""Signs messages, and checks their signatures, as Standard Webhooks specifies."""

import base64
from datetime import datetime

from standardwebhooks import Webhook as Signer

from flowc.server.records.refused import Refused

ID = "webhook-id"
# Bytes of a key.
_FEWEST, _MOST = 24, 64


class SecretMissing(Refused):
    """The secret is not set, or cannot sign messages."""


def signer_with(name: str, secret: str) -> Signer:
    """Return a signer with a secret; raise SecretMissing if it cannot sign."""
    key = _key_in(secret.strip())
    if key is None:
        raise SecretMissing(
            f"The secret {name!r} cannot sign: it must be `whsec_` and {_FEWEST} to {_MOST} bytes"
            f" in base64, such as `whsec_$(openssl rand -base64 32)`."
        )
    return Signer(key)


def signed_headers(signer: Signer, id: str, moment: datetime, body: str) -> dict[str, str]:
    """Return the headers that sign a message."""
    return {
        ID: id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signer.sign(id, moment, body),
    }


def _key_in(secret: str) -> bytes | None:
    """Return the key in a secret of the form that Standard Webhooks specifies, else None.

    Other secrets do not sign: a message and its signature help to guess a short one.

    >>> _key_in("whsec_" + "YWJj" * 8) == b"abc" * 8, _key_in("s3cr3t-0123456789-0123456789-0123")
    (True, None)
    """
    prefix, mark, encoded = secret.partition("_")
    if not mark or prefix != "whsec":
        return None
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return key if _FEWEST <= len(key) <= _MOST else None
