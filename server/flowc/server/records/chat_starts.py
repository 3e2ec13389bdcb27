"""What clients show where a chat with a workflow begins, as its stored definition says."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from flowc.compiler.definition import ChatStart


class ChatStartBody(BaseModel):
    """What to show before the first message of a chat."""

    opening: str | None = Field(description="What the workflow says first; Markdown.")
    suggested_questions: list[str] = Field(description="Messages to send with one click.")


def chat_start_of(definition: Mapping[str, Any]) -> ChatStartBody | None:
    """Return what a stored definition says of the beginning of a chat, if anything.

    >>> chat_start_of({"chat": {"greeting": "Hello."}})
    ChatStartBody(opening='Hello.', suggested_questions=[])
    >>> chat_start_of({}) is None
    True
    """
    try:
        found = ChatStart.model_validate(definition["chat"])
    except (KeyError, ValidationError):
        return None
    return ChatStartBody(opening=found.opening, suggested_questions=list(found.suggested_questions))
