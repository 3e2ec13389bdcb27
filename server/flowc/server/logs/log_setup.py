"""Sets up the log of a process that serves or works."""

import logging
import sys
from typing import Any

from flowc.server.logs.log_format import JsonLines, TextLines

# What the level is for; libraries only warn, since some of them log every request that they send.
_OURS = ("flowc", "uvicorn")


class _Stderr(logging.StreamHandler[Any]):
    """Writes to what standard error is when a line is written."""

    @property
    def stream(self) -> Any:
        """Standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        """Keep no stream: it may be closed later."""


def set_up_logs(level: str, form: str) -> None:
    """Log to stderr, from a level on, as `text` or `json`, what this process logs from now on."""
    handler = _Stderr()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root, number = logging.getLogger(), logging.getLevelNamesMapping()[level.upper()]
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    # DBOS would add a handler with a form of its own.
    queue = logging.getLogger("dbos")
    queue.handlers[:], queue.propagate = [handler], False
    for name in _OURS:
        logging.getLogger(name).setLevel(number)
