"""Encodes the body of a request: as JSON, a form, parts, lines, a text, or an uploaded file."""

import asyncio
import json
import mimetypes
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO, Literal, NamedTuple

from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import NodeError
from flowc.compiler.reading.large_values import in_worker, is_large
from flowc.nodes.services.calls.media_types import FORM, JSON_LINES, MULTIPART, essence, is_json
from flowc.nodes.services.calls.multipart import FormPart, multipart
from flowc.nodes.services.calls.pairs import Arrays, encoded_pairs
from flowc.nodes.services.files import FileInfo, Files

BodyType = Literal["auto", "json", "form", "multipart", "lines", "text", "file"]
MAX_SENT = 50_000_000
_BINARY = "application/octet-stream"
# What a value that stands for a file can have, beside `file` or `content`.
_ABOUT_FILES = frozenset({"file", "content", "name", "media_type", "size"})


class Encoded(NamedTuple):
    """The bytes of a body, and its media type, which replaces the author's if it `is_set`."""

    content: bytes | None = None
    media_type: str | None = None
    is_set: bool = False


def kind_of_body(body: Any, kind: BodyType, content_type: str | None) -> BodyType:
    """Return how a body is encoded; raise ValueError if its content type is for another value.

    >>> kind_of_body({"a": 1}, "auto", "application/x-www-form-urlencoded")
    'form'
    >>> kind_of_body({"a": 1}, "auto", None), kind_of_body("a", "auto", None)
    ('json', 'text')
    """
    if kind == "auto":
        kind = _kind_for(body, essence(content_type or ""))
    if kind in {"form", "multipart"} and not isinstance(body, Mapping | str):
        raise ValueError("a form is an object of fields and their values")
    if kind == "file" and not isinstance(body, str) and not is_file(body):
        raise ValueError("a file is the id of an upload, or an object with its id as `file`")
    if kind == "lines" and not isinstance(body, list | str):
        raise ValueError("lines are a list: each item is sent as a line of JSON")
    return kind


def is_file(value: Any) -> bool:
    """Return whether a value stands for a file: an upload's id, or its content.

    >>> is_file({"file": "f3a", "name": "a.pdf"}), is_file({"file": "f3a", "n": 1}), is_file("f3a")
    (True, False, False)
    """
    if not isinstance(value, Mapping) or not value.keys() <= _ABOUT_FILES:
        return False
    return isinstance(value.get("file"), str) != ("content" in value)


async def encoded_body(
    body: Any, kind: BodyType, content_type: str | None, files: Files, arrays: Arrays
) -> Encoded:
    """Return a body as it is sent; raise NodeError."""
    if body is None:
        return Encoded()
    try:
        kind = kind_of_body(body, kind, content_type)
    except ValueError as problem:
        message = f"The body cannot be sent: {problem}."
        raise NodeError("body-does-not-fit", message, field="body", value=body) from None
    if kind == "multipart" and isinstance(body, Mapping):
        return Encoded(*multipart(await _parts(body, files)), is_set=True)
    if kind == "file":
        part = await _file_part("body", {"file": body} if isinstance(body, str) else body, files)
        return Encoded(part.content, part.media_type)
    work = partial(_encoded_value, body, kind, arrays)
    return await in_worker(work) if is_large(body) else work()


def _kind_for(body: Any, media: str) -> BodyType:
    if isinstance(body, str):
        return "text"
    if media == FORM:
        return "form"
    if media == MULTIPART:
        return "multipart"
    if media in JSON_LINES and isinstance(body, list):
        return "lines"
    if not media or is_json(media):
        return "json"
    if is_file(body):
        return "file"
    raise ValueError(f"{media[:60]!r} is no type of an object or a list: write the body as text")


def _encoded_value(body: Any, kind: BodyType, arrays: Arrays) -> Encoded:
    if kind == "form" and isinstance(body, Mapping):
        return Encoded(encoded_pairs(body, arrays).encode("ascii"), FORM)
    if kind == "lines" and isinstance(body, list):
        lines = "".join(f"{_json(item)}\n" for item in body)
        return Encoded(lines.encode(), "application/x-ndjson")
    if kind == "json":
        return Encoded(_json(body).encode(), "application/json")
    # A text is sent as it is: the author has written the form or the lines.
    own = {"form": FORM, "lines": "application/x-ndjson"}.get(kind, "text/plain; charset=utf-8")
    return Encoded(as_text(body).encode(), own)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


async def _parts(body: Mapping[str, Any], files: Files) -> list[FormPart]:
    parts, size = list[FormPart](), 0
    for field, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            parts.append(await _part(field, item, files))
            size += len(parts[-1].content)
            _require_small(size, field)
    return parts


async def _part(field: str, value: Any, files: Files) -> FormPart:
    if is_file(value):
        return await _file_part(field, value, files)
    if isinstance(value, Mapping | list):
        return FormPart(field, _json(value).encode(), None, "application/json")
    return FormPart(field, as_text(value).encode())


async def _file_part(field: str, given: Mapping[str, Any], files: Files) -> FormPart:
    if "content" in given:
        name = as_text(given.get("name") or field)
        guessed = mimetypes.guess_type(name)[0] or "text/plain"
        content = as_text(given["content"]).encode()
        return FormPart(field, content, name, as_text(given.get("media_type") or guessed))
    id = str(given["file"])
    info = await files.info(id)
    if info is None:
        raise _no_such_file(id, field)
    _require_small(info.size, field)
    name = as_text(given.get("name") or info.name)
    media_type = as_text(given.get("media_type") or info.media_type or _BINARY)
    return FormPart(field, await _content(id, info, field, files), name, media_type)


async def _content(id: str, info: FileInfo, field: str, files: Files) -> bytes:
    try:
        file = await files.open(id)
    except FileNotFoundError:
        raise _no_such_file(id, field) from None
    return await asyncio.to_thread(_read, file)


def _read(file: BinaryIO) -> bytes:
    with file:
        return file.read(MAX_SENT + 1)


def _no_such_file(id: str, field: str) -> NodeError:
    at = ("body",) if field == "body" else ("body", field)
    hint = "Upload it first, and use the `id` of the answer."
    return NodeError("no-such-file", f"There is no uploaded file {id[:80]!r}.", field=at, hint=hint)


def _require_small(size: int, field: str) -> None:
    if size > MAX_SENT:
        message = f"The body has more than {MAX_SENT:,} bytes at {field[:60]!r}."
        raise NodeError("body-too-large", message, field="body")
