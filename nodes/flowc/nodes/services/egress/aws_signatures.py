"""Signs requests as Amazon Web Services ask for it, in version 4 of their signatures."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, unquote_plus

from flowc.nodes.services.egress.credentials import AwsKey

_ALGORITHM = "AWS4-HMAC-SHA256"
# Of their services, this one alone signs paths as they are sent.
_STORAGE = frozenset({"s3", "s3-outposts", "s3express"})


def signature_headers(
    key: AwsKey,
    method: str,
    path: str,
    headers: Mapping[str, str],
    content: bytes,
    moment: datetime,
) -> dict[str, str]:
    """Return the headers to add to a request.

    `path` is that of the URL with its query, as it is sent; `headers` are those that are signed, in
    small letters, with the host among them.
    """
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(content).hexdigest()
    added = {"x-amz-date": stamp}
    if key.session_token:
        added["x-amz-security-token"] = key.session_token
    if key.service in _STORAGE:
        added["x-amz-content-sha256"] = digest
    signed = {**headers, **added}
    names = ";".join(sorted(signed))
    where = _path_and_query(path, key.service)
    wanted = "\n".join((method, *where, *_lines(signed), names, digest))
    scope = f"{stamp[:8]}/{key.region}/{key.service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(wanted.encode()).hexdigest()))
    signature = hmac.new(_signing_key(key, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    who = f"Credential={key.access_key}/{scope}"
    return {
        **added,
        "authorization": f"{_ALGORITHM} {who}, SignedHeaders={names}, Signature={signature}",
    }


def _path_and_query(target: str, service: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    path = path or "/"
    return path if service in _STORAGE else quote(path, safe="/~"), _canonical(query)


def _canonical(query: str) -> str:
    """Return a query with its pairs in order, and escaped in one way.

    >>> _canonical("b=2&a=x+y&c")
    'a=x%20y&b=2&c='
    """
    split = (pair.partition("=") for pair in query.split("&") if pair)
    pairs = sorted((_escaped(name), _escaped(value)) for name, _, value in split)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _escaped(text: str) -> str:
    return quote(unquote_plus(text), safe="-_.~")


def _lines(headers: Mapping[str, str]) -> list[str]:
    """Return the headers, a line each, and an empty one after them."""
    return [*(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)), ""]


def _signing_key(key: AwsKey, day: str) -> bytes:
    found = f"AWS4{key.secret_key}".encode()
    for step in (day, key.region, key.service, "aws4_request"):
        found = hmac.new(found, step.encode(), hashlib.sha256).digest()
    return found
