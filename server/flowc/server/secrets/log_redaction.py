"""Redacts what is logged: by any library of the process, with its tracebacks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flowc.compiler.running.redaction import KnownSecrets, Redactor

_FORMATTER = logging.Formatter()


@contextmanager
def redacted_logs(known: KnownSecrets) -> Iterator[None]:
    """Replace secrets in every record that is made until the block ends."""
    before = logging.getLogRecordFactory()

    def make(*given: Any, **more: Any) -> logging.LogRecord:
        record = before(*given, **more)
        if redactor := known.redactor:
            _redact(record, redactor)
        return record

    logging.setLogRecordFactory(make)
    try:
        yield
    finally:
        # Not if another server of this process has put its own before it.
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(before)


def _redact(record: logging.LogRecord, redactor: Redactor) -> None:
    try:
        message = record.getMessage()
    except Exception:
        # The handler reports a message that does not fit its arguments, with both.
        message = f"{record.msg} {record.args}"
    # Formatters may use the arguments: they stay, unless one has a secret.
    if (found := redactor.text(message)) != message:
        record.msg, record.args = found, ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redactor.text(_FORMATTER.formatException(record.exc_info))
