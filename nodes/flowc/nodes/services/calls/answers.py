"""Reads the body of a response: as JSON, text, lists of lines or events, or a file to store."""

import json
import mimetypes
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from flowc.compiler.node import NodeError
from flowc.compiler.reading.large_values import LARGE_TEXT, has_more_values, in_worker, load_json
from flowc.compiler.reading.plain_json import MAX_VALUES, NotPlain, require_plain
from flowc.nodes.services.calls.event_streams import events_in
from flowc.nodes.services.calls.media_types import (
    EVENT_STREAM,
    JSON_LINES,
    essence,
    is_binary,
    is_json,
    is_text,
    may_be_json,
)
from flowc.nodes.services.egress import Response
from flowc.nodes.services.egress.charsets import charset_in, decoded
from flowc.nodes.services.files import Files

ReadAs = Literal["auto", "json", "text", "file", "lines", "events"]
# Those of lists and objects.
_OPENING = frozenset("[{")
# Texts have none of these, other than those of lines and terminals.
_NO_TEXT = frozenset(range(32)) - frozenset(b"\t\n\r\f\v\b\x1b")
_SNIFFED = 4_096
_LONGEST_NAME = 200
_NAMED = re.compile(r"filename\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]+))", re.IGNORECASE)
_NAMED_IN = re.compile(r"filename\*\s*=\s*([\w-]*)'[^']*'([^;\s]+)", re.IGNORECASE)


class BinaryAnswer(NamedTuple):
    """A body that is no text, to be stored as a file."""

    content: bytes
    name: str
    media_type: str


async def answer_of(response: Response, read_as: ReadAs, files: Files | None) -> Any:
    """Return the body as JSON; a binary one is stored, and is what the upload is.

    Raises NodeError for one that cannot be read as it should be.
    """
    work = partial(read_answer, response, read_as)
    found = await in_worker(work) if len(response.content) > LARGE_TEXT else work()
    if not isinstance(found, BinaryAnswer):
        return found
    if files is None:
        message = "The response is a file, and this host has no place for files."
        raise NodeError("no-service", message, hint="Run the workflow on a server.")
    info = await files.add_content(*found)
    return {
        "file": info.id,
        "name": info.name,
        "media_type": info.media_type,
        "size": info.size,
    }


def read_answer(response: Response, read_as: ReadAs = "auto") -> Any:
    """Return the body as JSON, or what is to be stored; raise NodeError."""
    content_type = response.headers.get("content-type", "")
    media = essence(content_type)
    kind = _kind_of(response.content, media, content_type) if read_as == "auto" else read_as
    if kind == "file":
        return BinaryAnswer(response.content, _file_name(response, media), media or _BINARY)
    if not response.content and kind in {"lines", "events"}:
        return []
    text = decoded(response.content, charset_in(response.content, content_type)).replace("\0", "")
    if kind == "text":
        return text
    is_list = kind in {"lines", "events"}
    if is_list or text.lstrip()[:1] in _OPENING:
        _require_few_values(text, text.count("\n") if is_list else 0)
    return _READERS[kind](text, media, read_as)


def _kind_of(content: bytes, media: str, content_type: str) -> str:
    if is_json(media):
        return "json" if content else "empty"
    if media == EVENT_STREAM:
        return "events"
    if media in JSON_LINES:
        return "lines"
    if content and _is_file(content, media, content_type):
        return "file"
    return "sniffed" if may_be_json(media) else "text"


def _is_file(content: bytes, media: str, content_type: str) -> bool:
    if is_binary(media) or _looks_binary(content, content_type):
        return True
    # Of a type that is neither, only what is surely a text is one.
    return not is_text(media) and not _is_utf_8(content)


def _looks_binary(content: bytes, content_type: str) -> bool:
    """Return whether a content has bytes that texts have not, in the charset that it is in."""
    if charset_in(content, content_type).startswith(("utf-16", "utf-32")):
        return False
    return any(byte in _NO_TEXT for byte in content[:_SNIFFED]) or b"\0" in content


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _json(text: str, media: str, read_as: ReadAs) -> Any:
    """Return the value of a JSON text; the text itself if it is not JSON, unless it must be."""
    try:
        return load_json(text.strip()) if text.strip() else None
    except (ValueError, RecursionError):
        if (lines := _lines_of_json(text)) is not None:
            return lines
        if read_as != "json":
            return text
    message = f"The response is not JSON: {text[:100]!r}."
    raise NodeError("response-not-json", message)


def _lines_of_json(text: str) -> list[Any] | None:
    """Return the objects of a text that has one in each line; None if it is another text.

    Some services send them as if they were one JSON text.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or len(lines) > MAX_VALUES or lines[0].lstrip()[:1] != "{":
        return None
    try:
        return [load_json(line) for line in lines]
    except (ValueError, RecursionError):
        return None


def _sniffed(text: str, media: str, read_as: ReadAs) -> Any:
    """Return the value of a text that looks like an object or a list, or the text itself."""
    return _json(text, media, read_as) if text.lstrip()[:1] in _OPENING else text


def _lines(text: str, media: str, read_as: ReadAs) -> Any:
    """Return the value of each line; a line that is not JSON stays a text."""
    # Only these end a line: others can be in the texts of JSON.
    lines = (line.strip("\x1e \t\r") for line in text.split("\n"))
    return [_json(line, media, "auto") for line in lines if line]


def _events(text: str, media: str, read_as: ReadAs) -> Any:
    return events_in(text)


def _empty(text: str, media: str, read_as: ReadAs) -> Any:
    return None


_READERS = {
    "json": _json, "sniffed": _sniffed, "lines": _lines, "events": _events, "empty": _empty,
}  # fmt: skip
_BINARY = "application/octet-stream"


def _require_few_values(text: str, lines: int) -> None:
    if lines > MAX_VALUES or has_more_values(text, MAX_VALUES):
        message = f"The response cannot be stored: there are more than {MAX_VALUES:,} values."
        raise NodeError("output-not-plain", message)


def _file_name(response: Response, media: str) -> str:
    """Return the name of a file: as the response or its address has it, or by its type."""
    named = _named_in(response.headers) or unquote(urlsplit(response.url).path).rsplit("/", 1)[-1]
    name = "".join(c for c in re.split(r"[/\\]", named)[-1] if c.isprintable()).strip(". ")
    name = name[-_LONGEST_NAME:] or "download"
    if "." not in name:
        name += mimetypes.guess_extension(media) or ""
    return name


def _named_in(headers: Mapping[str, str]) -> str:
    """Return the name in a Content-Disposition header.

    >>> _named_in({"content-disposition": 'attachment; filename="a.pdf"'})
    'a.pdf'
    >>> _named_in({"content-disposition": "attachment; filename*=UTF-8''%C3%BC.pdf"})
    'ü.pdf'
    """
    given = headers.get("content-disposition", "")[:2_000]
    if found := _NAMED_IN.search(given):
        charset = "latin-1" if found[1].lower() == "iso-8859-1" else "utf-8"
        return unquote(found[2], encoding=charset)
    found = _NAMED.search(given)
    if found is None:
        return ""
    # Headers are read as Latin-1 by some, and written as UTF-8 by most.
    name = re.sub(r"\\(.)", r"\1", found[1] or "") or found[2] or ""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def error_body(response: Response) -> Any:
    """Return what a service says with a failure, as JSON; None if it is no text, or large."""
    if len(response.content) > LARGE_TEXT:
        text = response.content[:1_000].decode("utf-8", "ignore")
        return text if "\0" not in text else None
    try:
        found = read_answer(response)
        require_plain(found if not isinstance(found, BinaryAnswer) else None)
    except (NodeError, NotPlain):
        return None
    return None if isinstance(found, BinaryAnswer) else found


def error_text(body: Any) -> str:
    """Return the beginning of what a service says with a failure."""
    if body is None or body == "":
        return ""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text[:300].strip()
