"""What goes wrong between a client and a server."""

from collections.abc import Iterable
from typing import Any


class ServerUnreachable(Exception):
    """No server answers at this address, or not in time; the message says which."""


class ServerTooSlow(ServerUnreachable):
    """The server did not answer in time."""


class RequestRefused(Exception):
    """The server refused a request: its HTTP `status`, and what its error says.

    `code` is stable, `details` lists the single problems, and `request_id` finds the request in the
    log of the server. `is_flowc` is false if the answer does not have the form of flowc's errors.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Iterable[Any] = (),
        request_id: str | None = None,
        *,
        is_flowc: bool = True,
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.details, self.request_id, self.is_flowc = list(details), request_id, is_flowc
        super().__init__(message)
