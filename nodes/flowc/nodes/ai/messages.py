"""Messages for a model, with texts, images, files and sounds, and their form in a request."""

import base64
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.node import Context, NodeError
from flowc.nodes.services.egress import (
    EgressDenied,
    HttpClient,
    RequestFailed,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.nodes.services.uploads import UploadedContent, content_of_file

# Largest image or file that is fetched for a message.
MAX_BYTES = 20_000_000
_TYPES = {"image": "image/png", "file": "application/pdf", "audio": "audio/wav"}
# Texts whose media type does not say so.
_TEXTS = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml"}
)


class MessagePart(BaseModel):
    """A part of a message: a text, or an image, file or sound.

    These are given by the id of an uploaded `file`, by their `url`, or by their base64 `data`. What
    an uploaded file is, its content says: a picture, a sound, a PDF, or a text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text", "image", "file", "audio"] = Field(
        default="text", description="The kind of part; by default `file`, if it has a `file`."
    )
    text: str | None = Field(default=None, description="The text, of a part of type `text`.")
    url: str | None = Field(
        default=None,
        description="Address of an image or file; flowc fetches it and sends the data.",
    )
    file: str | dict[str, Any] | None = Field(
        default=None, description="Id of an uploaded file, or an object of a node with its `file`."
    )
    data: str | None = Field(default=None, description="Content of an image or file, in base64.")
    media_type: str | None = Field(
        default=None,
        description="By default what the server or the upload says, or image/png, application/pdf,"
        " audio/wav.",
    )
    name: str | None = Field(default=None, description="File name that the model sees.")

    @model_validator(mode="before")
    @classmethod
    def _of_a_file(cls, given: Any) -> Any:
        is_file = isinstance(given, dict) and given.get("file") is not None and "type" not in given
        return {**given, "type": "file"} if is_file else given

    @model_validator(mode="after")
    def _has_one_content(self) -> "MessagePart":
        places = (self.file, self.url, self.data)
        wanted, others = ((self.text,), places) if self.type == "text" else (places, (self.text,))
        if sum(value is not None for value in wanted) != 1 or any(v is not None for v in others):
            raise ValueError(
                "a text needs `text`, an image, file or sound exactly one of `file`, `url`, `data`"
            )
        return self


class ChatMessage(BaseModel):
    """One message of a conversation.

    Of the role `assistant`, it can have `tool_calls`; of the role `tool`, it is the result of one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant", "tool"] = Field(
        default="user", description="Who wrote the message."
    )
    content: str | list[MessagePart] = Field(
        default="", description="A text, or parts: texts, images, files, sounds."
    )
    name: str | None = Field(
        default=None, max_length=64, description="Tells apart several who have the same role."
    )
    tool_calls: list[dict[str, Any]] | None = Field(
        default=None, description="Calls that the model requested, in OpenAI's format."
    )
    tool_call_id: str | None = Field(
        default=None, description="The id of the call that this message is the result of."
    )


async def as_sent(messages: Sequence[ChatMessage], context: Context) -> list[dict[str, Any]]:
    """Return messages in OpenAI's format; raise NodeError if an image or file cannot be fetched."""
    return [await _sent(message, context) for message in messages]


async def _sent(message: ChatMessage, context: Context) -> dict[str, Any]:
    content = await _content(message.content, context)
    named = ("name", "tool_calls", "tool_call_id")
    more = {each: value for each in named if (value := getattr(message, each))}
    return {"role": message.role, "content": content, **more}


async def _content(content: str | list[MessagePart], context: Context) -> Any:
    if isinstance(content, str):
        return content
    return [await _part(part, context) for part in content]


async def _part(part: MessagePart, context: Context) -> dict[str, Any]:
    if part.type == "text":
        return {"type": "text", "text": part.text}
    if part.file is not None:
        found = await content_of_file(context, part.file, MAX_BYTES)
        return _of_upload(found._replace(media_type=part.media_type or found.media_type), part)
    url = await _data_url(part, context)
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if part.type == "audio":
        media_type, _, data = url.removeprefix("data:").partition(";base64,")
        return _sound(media_type, data)
    return {"type": "file", "file": {"file_data": url, "filename": part.name or "file"}}


def _of_upload(found: UploadedContent, part: MessagePart) -> dict[str, Any]:
    """Return a part of a message with the content of an uploaded file."""
    kind, name = found.media_type, part.name or found.name
    family = kind.partition("/")[0]
    if part.type in {"image", "audio"} and family != part.type:
        message = f"The file {name[:100]!r} is {kind}, and not of the type {part.type!r}."
        raise NodeError("file-of-another-type", message, hint="Leave out the `type`.")
    if family == "text" or kind in _TEXTS:
        return {"type": "text", "text": f"{name}:\n{found.content.decode(errors='replace')}"}
    data = base64.b64encode(found.content).decode()
    if family == "image":
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    if family == "audio":
        return _sound(kind, data)
    if kind != "application/pdf":
        message = f"The file {name[:100]!r} is {kind}, which models cannot read."
        hint = "They read pictures, sounds, PDFs and texts; `read_file` reads others as text."
        raise NodeError("file-not-readable", message, hint=hint)
    return {"type": "file", "file": {"file_data": f"data:{kind};base64,{data}", "filename": name}}


def _sound(media_type: str, data: str) -> dict[str, Any]:
    """Return a part with a sound, with the format as providers name it.

    >>> _sound("audio/mpeg", "AAA=")["input_audio"]["format"]
    'mp3'
    """
    subtype = media_type.partition("/")[2].removeprefix("x-")
    format = {"mpeg": "mp3", "wave": "wav", "vnd.wave": "wav", "mp4": "m4a"}.get(subtype, subtype)
    return {"type": "input_audio", "input_audio": {"data": data, "format": format}}


def with_files(text: str, files: Any) -> str | list[MessagePart]:
    """Return the content of a message with uploaded files before its text: one, or a list.

    >>> with_files("Hi", None)
    'Hi'
    """
    given = files if isinstance(files, list) else [files]
    parts = [MessagePart(type="file", file=each) for each in given if each not in (None, "", {})]
    return [*parts, MessagePart(text=text)] if parts else text


async def _data_url(part: MessagePart, context: Context) -> str:
    if part.data is not None:
        return f"data:{part.media_type or _TYPES[part.type]};base64,{part.data}"
    assert part.url is not None  # the validator requires one of the three
    if part.url.startswith("data:"):
        return part.url
    # Fetched here, through the guard: a provider would fetch it past the operator's policy.
    try:
        found = await context.service(HttpClient).request(
            "GET", part.url, max_bytes=MAX_BYTES, max_redirects=3
        )
    except EgressDenied as denied:
        message = f"{part.url[:200]}: {denied}."
        raise NodeError("egress-denied", message, hint=denied.hint) from None
    except ResponseTooLarge as problem:
        raise NodeError("response-too-large", f"{part.url[:200]}: {problem}.") from None
    except ResponseUnreadable as problem:
        raise NodeError("response-unreadable", f"{part.url[:200]}: {problem}.") from None
    except (OSError, RequestFailed) as problem:
        reason = problem if isinstance(problem, RequestFailed) else type(problem).__name__
        what = f"{part.url[:200]} could not be fetched: {reason}."
        raise NodeError("connection-failed", what, kind="connection") from None
    if found.status_code != 200:
        what = f"{part.url[:200]} answered with status {found.status_code}."
        raise NodeError("http-status", what)
    kind = part.media_type or found.headers.get("content-type") or _TYPES[part.type]
    return f"data:{kind.split(';')[0]};base64,{base64.b64encode(found.content).decode()}"
