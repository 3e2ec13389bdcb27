"""The last message of a request and those before it, as the input of a workflow."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowc.server.api.protocols.openai.reading import other_part, text_in
from flowc.server.api.refused_requests import Unsupported
from flowc.server.conversations.inputs import TakenInputs

_Messages = Sequence[Mapping[str, Any]]


def inputs_of_messages(
    messages: _Messages, inputs: TakenInputs, where: str, *, has_earlier: bool
) -> dict[str, Any]:
    """Return the inputs in which a workflow gets messages; raise Unsupported for what it does not.

    The last message is `where` it is in the request. Without earlier ones, the memory of nodes is
    that of the thread.
    """
    last = messages[-1]
    _require_taken(last, inputs, where)
    if has_earlier and inputs.forgets:
        sentence = "the workflow's input allows no `messages`, so it would forget the earlier ones."
        raise Unsupported("unsupported_parameter", where.partition("[")[0], sentence)
    found: dict[str, Any] = (
        {"message": text_in(last["content"])} if inputs.may_have("message") else {}
    )
    if inputs.names("content"):
        found["content"] = last["content"]
    if inputs.takes_conversation or (has_earlier and inputs.may_have_messages):
        found["messages"] = list(messages)
    return found


def text_to_answer(messages: _Messages, where: str) -> str:
    """Return the last message as the answer to a question; raise Unsupported unless it is text."""
    content = messages[-1]["content"]
    if (number := other_part(content)) is not None:
        sentence = "a question is answered with text."
        raise Unsupported("unsupported_content", f"{where}.content[{number}]", sentence)
    return text_in(content)


def _require_taken(last: Mapping[str, Any], inputs: TakenInputs, where: str) -> None:
    if last["role"] == "assistant":
        sentence = "the last message must be one to answer."
        raise Unsupported("invalid_messages", f"{where}.role", sentence)
    if last["role"] == "tool" and not inputs.takes_conversation:
        sentence = "the workflow has no input `messages`, so it takes no results of tools."
        raise Unsupported("unsupported_content", where, sentence)
    number = other_part(last["content"])
    if number is not None and not inputs.takes_parts:
        sentence = "the workflow takes text alone; for images and files, declare the input"
        hint = f"{sentence} `content` or `messages`."
        raise Unsupported("unsupported_content", f"{where}.content[{number}]", hint)
