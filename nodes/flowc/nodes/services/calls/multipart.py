"""Writes bodies of several parts: values and files."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple


class FormPart(NamedTuple):
    """One part of a body; a file has a name."""

    field: str
    content: bytes
    file_name: str | None = None
    media_type: str | None = None


def multipart(parts: Sequence[FormPart], boundary: str | None = None) -> tuple[bytes, str]:
    r"""Return the body of parts, and its media type.

    >>> parts = [FormPart("n", b"1"), FormPart("f", b"x", 'a".txt', "text/plain")]
    >>> multipart(parts, "--B")[0].decode()
    ... # doctest: +NORMALIZE_WHITESPACE
    '----B\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n----B\r\nContent-Disposition:
     form-data; name="f"; filename="a%22.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n----B--\r\n'
    """
    boundary = boundary or f"flowc-{uuid.uuid4().hex}"
    lines = list[bytes]()
    for part in parts:
        lines += [f"--{boundary}".encode(), *_head(part), b"", part.content]
    lines += [f"--{boundary}--".encode(), b""]
    return b"\r\n".join(lines), f"multipart/form-data; boundary={boundary}"


def _head(part: FormPart) -> list[bytes]:
    found = f'Content-Disposition: form-data; name="{_escaped(part.field)}"'
    if part.file_name is not None:
        found += f'; filename="{_escaped(part.file_name)}"'
    head = [found]
    if part.media_type is not None:
        head.append(f"Content-Type: {_line(part.media_type)}")
    return [line.encode("utf-8", "replace") for line in head]


def _escaped(text: str) -> str:
    """Return a name as browsers write it in a header."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return "".join(c for c in text if " " <= c < "\x7f")
