"""What is said to a model: texts, images and files, as litellm takes them."""

import base64
from collections.abc import Sequence
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.node import Context, NodeError
from flowc.nodes.services.egress import EgressDenied, HttpClient, ResponseTooLarge

MAX_BYTES = 20_000_000
_TYPES = {"image": "image/png", "file": "application/pdf"}


class MessagePart(BaseModel):
    """A piece of a message: a text, or an image or file by its `url` or its base64 `data`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text", "image", "file"] = "text"
    text: str | None = None
    url: str | None = Field(default=None, description="Fetched here, and sent as data.")
    data: str | None = Field(default=None, description="Base64.")
    media_type: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "MessagePart":
        wanted = (self.text,) if self.type == "text" else (self.url, self.data)
        others = (self.url, self.data) if self.type == "text" else (self.text,)
        if sum(value is not None for value in wanted) != 1 or any(v is not None for v in others):
            raise ValueError("a text part has a `text`; an image or a file, a `url` or `data`")
        return self


class ChatMessage(BaseModel):
    """One message of a conversation; a model may have asked for calls, and a tool answers one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant", "tool"] = "user"
    content: str | list[MessagePart] = ""
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


async def as_sent(messages: Sequence[ChatMessage], context: Context) -> list[dict[str, Any]]:
    """Return messages as they are sent; raise NodeError for what cannot be fetched."""
    return [await _sent(message, context) for message in messages]


async def _sent(message: ChatMessage, context: Context) -> dict[str, Any]:
    content = await _content(message.content, context)
    said = {"tool_calls": message.tool_calls, "tool_call_id": message.tool_call_id}
    calls = {name: value for name, value in said.items() if value}
    return {"role": message.role, "content": content, **calls}


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
    assert part.url is not None  # one of the two is there
    if part.url.startswith("data:"):
        return part.url
    try:
        found = await context.service(HttpClient).request(
            "GET", part.url, max_bytes=MAX_BYTES, max_redirects=3
        )
    except EgressDenied as denied:
        raise NodeError("egress-denied", f"{part.url[:200]}: {denied}") from None
    except ResponseTooLarge as problem:
        raise NodeError("response-too-large", f"{part.url[:200]}: {problem}") from None
    except (OSError, TimeoutError, httpx.HTTPError) as problem:
        what = f"{part.url[:200]} could not be fetched: {type(problem).__name__}."
        raise NodeError("connection-failed", what, kind="connection") from None
    if found.status_code != 200:
        what = f"{part.url[:200]} answered with status {found.status_code}."
        raise NodeError("http-status", what)
    kind = part.media_type or found.headers.get("content-type") or _TYPES[part.type]
    return f"data:{kind.split(';')[0]};base64,{base64.b64encode(found.content).decode()}"
