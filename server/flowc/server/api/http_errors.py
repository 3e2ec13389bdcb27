"""Errors as clients see them, and in the form of the OpenAI API."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel

from flowc.compiler.schemas.refusals import TOO_COSTLY

# The codes for which clients of the OpenAI API expect status 400.
_BAD_REQUESTS = frozenset({"invalid-request", "input-refused", "no-chat", TOO_COSTLY})


class HttpError(NamedTuple):
    """An exception as clients see it; they may try again after some seconds, if any are given.

    `parameter` is the part of the request that is at fault, where that is known without details.
    """

    status: int
    code: str
    message: str
    details: Sequence[Any] = ()
    retry_after: int | None = None
    parameter: str | None = None


class OpenAiErrorBody(BaseModel):
    """What went wrong, as clients of the OpenAI API expect it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiErrorResponse(BaseModel):
    """The body of every error of the OpenAI API."""

    error: OpenAiErrorBody


def openai_error(failure: HttpError) -> tuple[dict[str, Any], int]:
    """Return an error in the form of the OpenAI API, and its status there."""
    status, code, message, details, _, parameter = failure
    first = details[0] if details else None
    at = ".".join(first["at"][1:]) if isinstance(first, dict) and "at" in first else None
    sentence = f"{message} {at}: {first['message']}" if at and isinstance(first, dict) else message
    if code in _BAD_REQUESTS:
        status = HTTPStatus.BAD_REQUEST
    if code == "no-such-workflow":
        code, sentence = "model_not_found", "The model does not exist; use the id of a workflow."
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if is_ours else "invalid_request_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    error = {"message": sentence, "type": kind, "param": at or parameter, "code": code}
    return {"error": error}, status
