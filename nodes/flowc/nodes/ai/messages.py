"""Messages for a model, with texts, images and files, and their form in a request."""

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

# Largest image or file that is fetched for a message.
MAX_BYTES = 20_000_000
_TYPES = {"image": "image/png", "file": "application/pdf"}


class MessagePart(BaseModel):
    """A part of a message: a text, or an image or file by its `url` or its base64 `data`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text", "image", "file"] = Field(default="text", description="The kind of part.")
    text: str | None = Field(default=None, description="The text, of a part of type `text`.")
    url: str | None = Field(
        default=None,
        description="Address of an image or file; flowc fetches it and sends the data.",
    )
    data: str | None = Field(default=None, description="Content of an image or file, in base64.")
    media_type: str | None = Field(
        default=None, description="By default what the server says, or image/png, application/pdf."
    )
    name: str | None = Field(default=None, description="File name that the model sees.")

    @model_validator(mode="after")
    def _has_one_content(self) -> "MessagePart":
        wanted = (self.text,) if self.type == "text" else (self.url, self.data)
        others = (self.url, self.data) if self.type == "text" else (self.text,)
        if sum(value is not None for value in wanted) != 1 or any(v is not None for v in others):
            raise ValueError(
                "a text needs `text`, an image or file needs exactly one of `url` and `data`"
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
        default="", description="A text, or parts: texts, images, files."
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
    url = await _data_url(part, context)
    if part.type == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"file_data": url, "filename": part.name or "file"}}


async def _data_url(part: MessagePart, context: Context) -> str:
    if part.data is not None:
        return f"data:{part.media_type or _TYPES[part.type]};base64,{part.data}"
    assert part.url is not None  # the validator requires one of the two
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
