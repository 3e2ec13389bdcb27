"""Reads an e-mail message."""

from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused, Metadata, Section
from flowc.rag.reading.formats import ParsingOptions, html

_HEADERS = ("Subject", "From", "To", "Cc", "Date")


def read(file: BinaryIO, _: ParsingOptions) -> Iterator[Section | Metadata]:
    """Yield the headers that people read, and the body; attachments are only named."""
    try:
        message = BytesParser(EmailMessage, policy=policy.default).parse(file)
        headers = {name: str(message[name]) for name in _HEADERS if message[name]}
        attached = [str(part.get_filename() or "") for part in message.iter_attachments()]
        body = message.get_body(preferencelist=("plain", "html"))
        text = str(body.get_content()) if body is not None else ""
    except (MessageError, LookupError, ValueError, TypeError, AttributeError) as problem:
        raise DocumentRefused("broken-document", f"The message is broken: {problem}") from None
    yield {"title": headers.get("Subject", ""), "author": headers.get("From", "")}
    yield {"attachments": [name for name in attached if name]}
    path = (headers["Subject"],) if "Subject" in headers else ()
    lines = [f"{name}: {value}\n" for name, value in headers.items()]
    yield Section("".join(lines) + "\n", None, path)
    if body is not None and body.get_content_subtype() == "html" and text.strip():
        for section in html.sections(html.parsed(text)):
            yield Section(section.text, None, path + section.headings)
    elif text.strip():
        yield Section(text.replace("\r\n", "\n"), None, path)
