"""Exceptions that a node type raises or catches while it runs."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pydantic_core import PydanticCustomError

from flowc.compiler.definition import FailureKind
from flowc.compiler.diagnostics import Pointer
from flowc.compiler.node.outcome import NOTHING, BodyResult

# That there is no value at fault; `null` is one.
NO_VALUE: Any = object()


class Evidence(NamedTuple):
    """What is known of a failure beside its code and message; it is safe to store and show.

    `at` is its place in the definition, `reference` the path or expression that was read there,
    `value` its value, shortened, and `hint` says what to do. `kind` and `details` are those of the
    NodeError, also after it has left the body that the node is in.
    """

    at: Pointer | None = None
    reference: str | None = None
    value: str | None = None
    hint: str | None = None
    kind: FailureKind | None = None
    details: Mapping[str, Any] = NOTHING

    def as_json(self) -> dict[str, str]:
        """Return what people are shown, without the place."""
        found = {"reference": self.reference, "value": self.value, "hint": self.hint}
        return {name: text for name, text in found.items() if text is not None}


NO_EVIDENCE = Evidence()
NOTHING_LEFT = BodyResult(None, NOTHING, NOTHING)


class NodeError(Exception):
    """The node's work failed; the message is stored and shown with the run.

    `kind` names a failure that may be temporary, so that a retry can succeed; leave it out for
    failures that every attempt would repeat, such as bad input. `retry_after` is in seconds.
    `field` is the field of the configuration that is at fault, `value` the value at fault, and
    `hint` says what to do. The value is shown shortened, without secrets. `details` is JSON that a
    workflow can read in `error`, beside code and message: the `status` and `body` of a response.
    """

    evidence = NO_EVIDENCE
    # Whether it happened before the run was resumed.
    is_remembered = False

    def __init__(  # noqa: PLR0913 - what is known of failures, and most leave out
        self,
        code: str,
        message: str,
        *,
        kind: FailureKind | None = None,
        retry_after: float | None = None,
        field: str | Pointer | None = None,
        value: Any = NO_VALUE,
        hint: str | None = None,
        details: Mapping[str, Any] = NOTHING,
    ) -> None:
        self.code, self.message = code, message
        self.kind: FailureKind | None = kind
        self.retry_after = retry_after
        self.field, self.value, self.hint = field, value, hint
        self.details = details
        super().__init__(message)


class BodyFailed(NodeError):
    """A run of the node's body failed; the node may handle the failure or let it end its own work.

    `node_id` is the node in the body that failed; `at` is its place in the definition. `left` has
    the outputs and variables of the body's nodes that had completed.
    """

    left = NOTHING_LEFT

    def __init__(
        self,
        code: str,
        message: str,
        node_id: str,
        attempt: int,
        at: Pointer,
        evidence: Evidence = NO_EVIDENCE,
    ) -> None:
        self.node_id, self.attempt, self.at, self.evidence = node_id, attempt, at, evidence
        super().__init__(code, message, details=evidence.details)

    def having_left(self, left: BodyResult | None) -> Self:
        """Return the failure with what the body's nodes have left."""
        if left is not None:
            self.left = left
        return self


def error_as_json(error: NodeError, node: str, attempts: int) -> dict[str, Any]:
    """Return a failure as workflows read it in `error`; each has `status` and `body`.

    >>> details = {"status": 404}
    >>> failure = NodeError("http-status", "The service answered 404.", details=details)
    >>> error_as_json(failure, "fetch", 2)["status"]
    404
    """
    about = {"node": node, "code": error.code, "message": error.message, "attempts": attempts}
    return {"status": None, "body": None, **error.details, **about}


def wrong_value(sentence: str, hint: str | None = None) -> PydanticCustomError:
    """Return the error of a validator: what is wrong, without a full stop, and what to write.

    It becomes a diagnostic `invalid-value` before the run.
    """
    context = {"sentence": sentence, **({"hint": hint} if hint else {})}
    return PydanticCustomError("wrong_value", "{sentence}", context)
