"""What the API itself refuses: malformed bodies, and chats whose run did not complete."""

from typing import Any

from flowc.server.records.refused import Refused
from flowc.server.records.runs import RunRecord


class MalformedBody(Refused):
    """The body is not a JSON object."""

    def __init__(self, message: str | None = None, code: str = "invalid-json") -> None:
        self.code = code
        super().__init__(message)


class UnsupportedBody(Refused):
    """The body is neither JSON nor YAML."""

    def __init__(self, content_type: str) -> None:
        given = f"The content type {content_type[:100]!r} is not supported"
        sentence = given if content_type else "The body has no content type"
        header = "application/json, or application/yaml for YAML"
        super().__init__(f"{sentence}: send the header `content-type` with {header}.")


class RequestTooLarge(Refused):
    """The request is too large."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"The request is too large; at most {max_bytes:,} bytes are allowed.")


class HostRefused(Refused):
    """The server does not answer to this host."""

    def __init__(self, host: str) -> None:
        named = f"the host {host[:100]!r}" if host else "requests without one `host` header"
        hint = "FLOWC_ALLOWED_HOSTS names the hosts that it may have, other than 127.0.0.1, ::1"
        super().__init__(f"The server does not answer to {named}: {hint} and localhost.")


class OriginRefused(Refused):
    """Pages of other sites may not send this request."""

    def __init__(self, origin: str) -> None:
        page = f"Pages of {origin[:100]!r}" if origin else "Pages of other sites"
        super().__init__(
            f"{page} may not send this request: FLOWC_CORS_ORIGINS names those that may."
        )


class FileNameRefused(Refused):
    """The file needs a name of up to 255 characters."""


class Unsupported(Refused):
    """A client of the OpenAI API asks for something that the workflow does not support.

    `parameter` is the part of the request that asks for it.
    """

    parameter = ""

    def __init__(self, code: str, parameter: str, sentence: str) -> None:
        self.code, self.parameter = code, parameter
        super().__init__(f"{parameter}: {sentence}")


class NotCompleted(Refused):
    """The run did not complete, so there is no answer."""

    def __init__(self, run: RunRecord) -> None:
        error = run.error or {"code": run.status, "message": f"The run is {run.status}."}
        self.code, self.message = str(error["code"]), str(error["message"])
        super().__init__(self.message)

    def as_openai(self) -> dict[str, Any]:
        """Return the error object that clients of the OpenAI API expect in a stream."""
        return {"message": self.message, "type": "workflow_error", "param": None, "code": self.code}


class NoSuchNodeType(Refused):
    """There is no such node type."""


class NoSuchNode(Refused):
    """The run has no such node, or it has not begun."""


class NoSuchScope(Refused):
    """The run has no such scope: `workflow`, or the path of a body that has run."""


class NoSuchDiagnostic(Refused):
    """There is no such code of a diagnostic."""
