"""Messages of the OpenAI API, converted to those that nodes take."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.server.api.refused_requests import Unsupported

_ROLES = {"system", "developer", "user", "assistant", "tool"}


def messages_in(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as nodes take them; raise Unsupported for unknown roles and parts."""
    return [_message(each, number) for number, each in enumerate(given)]


def _message(given: Mapping[str, Any], number: int) -> dict[str, Any]:
    role = given.get("role")
    if role not in _ROLES:
        raise Unsupported("invalid_role", f"messages[{number}].role: there is no such role.")
    content = given.get("content")
    if isinstance(content, list):
        where = f"messages[{number}].content"
        content = [_part(part, f"{where}[{n}]") for n, part in enumerate(content)]
    tools = {name: given[name] for name in ("tool_calls", "tool_call_id") if given.get(name)}
    return {"role": "system" if role == "developer" else role, "content": content or "", **tools}


def _part(part: Any, where: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in {"text", "input_text", "output_text"}:
        return {"type": "text", "text": str(part.get("text", ""))}
    if kind in {"image_url", "input_image"}:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        return {"type": "image", "url": str(url)}
    if kind in {"file", "input_file"}:
        file = part.get("file", part)
        data, name = file.get("file_data"), file.get("filename")
        if isinstance(data, str) and data.startswith("data:"):
            return {"type": "file", "url": data, **({"name": name} if name else {})}
    raise Unsupported("unsupported_content", f"{where}: parts of this type are not supported.")


def text_in(content: Any) -> str:
    """Return the text of a message's content, without its images and files.

    >>> text_in([{"type": "text", "text": "Look:"}, {"type": "image", "url": "https://a/b.png"}])
    'Look:'
    """
    if isinstance(content, str):
        return content
    texts = [part["text"] for part in content if part["type"] == "text"]
    return "\n".join(texts)


def conversations(model: str, user: str | None, messages: Sequence[Any]) -> list[str]:
    """Return a name for the conversation after each message of the user, latest first.

    Clients send the whole conversation without an id, so its messages make up its name.
    """
    digest = hashlib.sha256(json.dumps([model, user]).encode())
    found: list[str] = []
    for message in messages:
        digest.update(json.dumps([message["role"], message["content"]]).encode())
        if message["role"] == "user":
            found.append(f"conversation:{digest.hexdigest()}")
    return found[::-1]
