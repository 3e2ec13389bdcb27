"""Exceptions that a node type raises or catches while it runs."""

from flowc.compiler.definition import FailureKind


class NodeError(Exception):
    """The node's work failed; the message is stored and shown with the run.

    `kind` names a failure that may be temporary, so that a retry can succeed; leave it out for
    failures that every attempt would repeat, such as bad input. `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        kind: FailureKind | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code, self.message = code, message
        self.kind, self.retry_after = kind, retry_after
        super().__init__(message)


class BodyFailed(NodeError):
    """A run of the node's body failed; the node may handle the failure or let it end its own work.

    `node_id` is the node in the body that failed; `at` is its place in the definition.
    """

    def __init__(
        self, code: str, message: str, node_id: str, attempt: int, at: tuple[str | int, ...]
    ) -> None:
        self.node_id, self.attempt, self.at = node_id, attempt, at
        super().__init__(code, message)
