"""The form of the log: a line of text for people, or a JSON object a line for programs."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flowc.server.logs.log_context import LOG_CONTEXT
from flowc.server.traces.trace_text import current_ids

# Added to a line of text; what its message says already is not repeated.
_SHOWN = ("request", "run", "node", "tenant", "trace_id")


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a record: those of its context, and its own."""
    own: Mapping[str, Any] = getattr(record, "about", {})
    return {**LOG_CONTEXT.get(), **current_ids(), **own}


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _traceback(record: logging.LogRecord) -> str | None:
    """Return the traceback of a record, redacted if there are secrets to redact."""
    if record.exc_text:
        return record.exc_text
    has_one = record.exc_info and record.exc_info[0] is not None
    return logging.Formatter().formatException(record.exc_info) if has_one else None  # type: ignore[arg-type]


class TextLines(logging.Formatter):
    """Time, level, logger, message, and where they are known the ids of request, run and trace.

    A line break in a message is shown as `\\n`: one record is one line, but for its traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        message, about = _one_line(record.getMessage()), _about(record)
        shown = [f"{name}={about[name]}" for name in _SHOWN if _is_new(about.get(name), message)]
        head = f"{_moment(record)} {record.levelname:<7} {record.name}: {message}"
        line = " ".join([head, *shown])
        traceback = _traceback(record)
        return line if traceback is None else f"{line}\n{traceback}"


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON of a record."""
        line: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_about(record),
        }
        if (traceback := _traceback(record)) is not None:
            line["traceback"] = traceback
        return json.dumps(line, ensure_ascii=False, default=str)


def _is_new(value: Any, message: str) -> bool:
    return value is not None and value not in message


def _one_line(message: str) -> str:
    return message.replace("\r", "\\r").replace("\n", "\\n")
