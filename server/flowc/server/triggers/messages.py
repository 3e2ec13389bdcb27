"""What a message to a webhook becomes: a value, the input of a run, or a handshake's answer."""

import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from flowc.server.records.triggers import Webhook
from flowc.server.triggers.senders import FORM, VERIFICATIONS, SenderKind, SentMessage

# Credentials, and what only the connection needs; none of it enters a run.
_OWN_HEADERS = frozenset(
    {"authorization", "connection", "content-length", "cookie", "host", "proxy-authorization"}
)
# Services that send JSON in this field of a form.
_IN_FORMS = {SenderKind.GITHUB, SenderKind.SLACK}


class SentFile(NamedTuple):
    """A file in a message."""

    name: str
    media_type: str
    content: BinaryIO


ReadBody = Callable[[bytes], Awaitable[Any]]
ReadParts = Callable[[], Awaitable[Sequence[tuple[str, "str | SentFile"]]]]
StoreFile = Callable[[SentFile], Awaitable[Mapping[str, Any]]]


class MessageReader(NamedTuple):
    """What reads bodies: strict JSON, the parts of a form with files, and a store for files."""

    json: ReadBody
    parts: ReadParts
    store: StoreFile

    async def body_of(self, kind: SenderKind, message: SentMessage) -> Any:
        """Return the body of a message as JSON; what has no form of its own becomes a file."""
        media_type = message.media_type
        if not message.body:
            return None
        if media_type == FORM:
            return await self._form(kind, message)
        if media_type == "multipart/form-data":
            return together([(name, await self._part(part)) for name, part in await self.parts()])
        if media_type == "application/json" or media_type.endswith("+json") or not media_type:
            return await self.json(message.body)
        if media_type.startswith("text/") or media_type.endswith(("/xml", "+xml")):
            return message.body.decode(_charset(message), "replace")
        return await self._part(SentFile("body", media_type, io.BytesIO(message.body)))

    async def _form(self, kind: SenderKind, message: SentMessage) -> Any:
        fields = together(message.form)
        if kind in _IN_FORMS and list(fields) == ["payload"]:
            return await self.json(str(fields["payload"]).encode())
        return fields

    async def _part(self, part: str | SentFile) -> Any:
        return part if isinstance(part, str) else dict(await self.store(part))


def input_of(webhook: Webhook, message: SentMessage, body: Any) -> Any:
    """Return the input of the run that a message begins, without the sender's credentials."""
    query = together(message.query)
    if webhook.input == "body":
        if body is None:
            return query
        return body if isinstance(body, dict) else {"body": body}
    usual = VERIFICATIONS[SenderKind(webhook.verification)].header
    hidden = {*_OWN_HEADERS, (webhook.header or usual).lower()}
    return {
        "method": message.method,
        "query": query,
        "headers": {name: text for name, text in message.headers.items() if name not in hidden},
        "body": body,
    }


def handshake(kind: SenderKind, message: SentMessage, body: Any) -> str | None:
    """Return what a sender asks for before it sends messages, or None if it is a message.

    >>> asked = SentMessage("POST", "", (), {}, b"")
    >>> handshake(SenderKind.SLACK, asked, {"type": "url_verification", "challenge": "3eZb"})
    '3eZb'
    """
    match kind:
        case SenderKind.SLACK:
            is_asked = isinstance(body, dict) and body.get("type") == "url_verification"
            return str(body.get("challenge", "")) if is_asked else None
        case SenderKind.GITHUB:
            return "pong" if message.headers.get("x-github-event") == "ping" else None
        case SenderKind.NONE:
            return dict(message.query).get("validationToken")
    return None


def together(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return names with their values; a name that comes several times has a list.

    >>> together([("a", "1"), ("b", "2"), ("a", "3")])
    {'a': ['1', '3'], 'b': '2'}
    """
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _charset(message: SentMessage) -> str:
    _, _, named = message.headers.get("content-type", "").partition("charset=")
    name = named.partition(";")[0].strip(' "').lower()
    return name if name in {"iso-8859-1", "latin-1", "us-ascii", "windows-1252"} else "utf-8"
