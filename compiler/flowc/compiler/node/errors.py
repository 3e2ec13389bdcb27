"""Exceptions that a node type raises or catches while it runs."""

from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from flowc.compiler.definition import FailureKind
from flowc.compiler.diagnostics import Pointer

# That there is no value at fault; `null` is one.
NO_VALUE: Any = object()


class Evidence(NamedTuple):
    """What is known of a failure beside its code and message; it is safe to store and show.

    `at` is its place in the definition, `reference` the path or expression that was read there,
    `value` its value, shortened, and `hint` says what to do.
    """

    at: Pointer | None = None
    reference: str | None = None
    value: str | None = None
    hint: str | None = None

    def as_json(self) -> dict[str, str]:
        """Return what is known without the place."""
        found = {"reference": self.reference, "value": self.value, "hint": self.hint}
        return {name: text for name, text in found.items() if text is not None}


NO_EVIDENCE = Evidence()


class NodeError(Exception):
    """The node's work failed; the message is stored and shown with the run.

    `kind` names a failure that may be temporary, so that a retry can succeed; leave it out for
    failures that every attempt would repeat, such as bad input. `retry_after` is in seconds.
    `field` is the field of the configuration that is at fault, `value` the value at fault, and
    `hint` says what to do. The value is shown shortened, without secrets.
    """

    evidence = NO_EVIDENCE

    def __init__(
        self,
        code: str,
        message: str,
        *,
        kind: FailureKind | None = None,
        retry_after: float | None = None,
        field: str | Pointer | None = None,
        value: Any = NO_VALUE,
        hint: str | None = None,
    ) -> None:
        self.code, self.message = code, message
        self.kind: FailureKind | None = kind
        self.retry_after = retry_after
        self.field, self.value, self.hint = field, value, hint
        super().__init__(message)


class BodyFailed(NodeError):
    """A run of the node's body failed; the node may handle the failure or let it end its own work.

    `node_id` is the node in the body that failed; `at` is its place in the definition.
    """

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
        super().__init__(code, message)


def wrong_value(sentence: str, hint: str | None = None) -> PydanticCustomError:
    """Return the error of a validator: what is wrong, without a full stop, and what to write.

    It becomes a diagnostic `invalid-value` before the run.
    """
    context = {"sentence": sentence, **({"hint": hint} if hint else {})}
    return PydanticCustomError("wrong_value", "{sentence}", context)
