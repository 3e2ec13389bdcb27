"""Server-sent events as the response to a POST."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event(data: Any, kind: str | None = None) -> str:
    """Return one event in the format of server-sent events.

    >>> event({"text": "Hi"}, "token")
    'event: token\\ndata: {"text": "Hi"}\\n\\n'
    """
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    named = f"event: {kind}\n" if kind is not None else ""
    return f"{named}data: {text}\n\n"


def stream(events: AsyncIterator[str]) -> StreamingResponse:
    """Return a response that sends events as they arrive."""
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)
