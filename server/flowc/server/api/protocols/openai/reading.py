"""Messages of the OpenAI API, converted to those that nodes take."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.server.api.refused_requests import Unsupported

_ROLES = {"system", "developer", "user", "assistant", "tool"}
_KEPT = ("name", "tool_calls", "tool_call_id")
_REFUSED = ("audio", "function_call")
_REFERENCE_DIGITS = 16
_REFERENCE = re.compile(rf"\(Question ([0-9a-f]{{{_REFERENCE_DIGITS}}})\)\s*$")


def messages_in(given: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return messages as nodes take them; raise Unsupported for unknown roles and parts.

    The `name` is that of the parameter which has the messages.
    """
    return [message_in(each, f"{name}[{number}]") for number, each in enumerate(given)]


def message_in(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return one message as nodes take it; `where` it is in the request."""
    role = given.get("role")
    if role not in _ROLES:
        raise Unsupported("invalid_role", f"{where}.role", "there is no such role.")
    content = given.get("content")
    if isinstance(content, list):
        content = [_part(part, f"{where}.content[{n}]") for n, part in enumerate(content)]
    elif not isinstance(content, str | None):
        raise Unsupported("invalid_content", f"{where}.content", "it must be a text.")
    for name in _REFUSED:
        if given.get(name):
            raise Unsupported("unsupported_content", f"{where}.{name}", "this is not supported.")
    more = {name: given[name] for name in _KEPT if given.get(name)}
    said = content or given.get("refusal") or ""
    return {"role": "system" if role == "developer" else role, "content": said, **more}


def _part(part: Any, where: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in {"text", "input_text", "output_text"}:
        return {"type": "text", "text": str(part.get("text", ""))}
    if kind == "refusal":
        return {"type": "text", "text": str(part.get("refusal", ""))}
    if kind in {"image_url", "input_image"}:
        return _image(part, where)
    if kind in {"file", "input_file"}:
        return _file(part.get("file", part), where)
    raise Unsupported("unsupported_content", where, "parts of this type are not supported.")


def _image(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    image = part.get("image_url")
    found = image if isinstance(image, dict) else {**part, "url": image}
    if found.get("detail") not in {None, "auto"}:
        sentence = "how much of an image a model sees cannot be chosen; leave it out."
        raise Unsupported("unsupported_content", f"{where}.detail", sentence)
    if not isinstance(found.get("url"), str):
        raise Unsupported("unsupported_content", where, "an image needs a URL.")
    return {"type": "image", "url": found["url"]}


def _file(file: Any, where: str) -> dict[str, Any]:
    data, name = (file.get("file_data"), file.get("filename")) if isinstance(file, dict) else (0, 0)
    if not isinstance(data, str) or not data.startswith("data:"):
        sentence = "a file needs its content as `file_data`, which is a URL that begins with data:."
        raise Unsupported("unsupported_content", where, sentence)
    return {"type": "file", "url": data, **({"name": name} if name else {})}


def text_in(content: Any) -> str:
    """Return the text of a message's content, without its images and files.

    >>> text_in([{"type": "text", "text": "Look:"}, {"type": "image", "url": "https://a/b.png"}])
    'Look:'
    """
    if isinstance(content, str):
        return content
    texts = [part["text"] for part in content if part["type"] == "text"]
    return "\n".join(texts)


def other_part(content: Any) -> int | None:
    """Return the number of the first part of a message that is no text, if there is one."""
    parts = content if isinstance(content, list) else []
    return next((n for n, part in enumerate(parts) if part["type"] != "text"), None)


def with_reference(question: str, id: str) -> str:
    """Return a question with the beginning of its id, by which its answer is recognised.

    Clients send the conversation without an id, but each message as it was.

    >>> with_reference("Refund?", "0123456789abcdef0123456789abcdef")
    'Refund?\\n(Question 0123456789abcdef)'
    """
    return f"{question}\n(Question {id[:_REFERENCE_DIGITS]})"


def referred_in(text: str) -> str | None:
    """Return the beginning of the id of the question that a message of the assistant asks."""
    found = _REFERENCE.search(text)
    return found[1] if found is not None else None
