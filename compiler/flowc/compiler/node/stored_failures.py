"""Failures as plain JSON, for the journal of a node that must fail again in the same way."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.node.errors import BodyFailed, Evidence, NodeError
from flowc.compiler.node.outcome import BodyResult


def failure_as_json(failure: NodeError) -> dict[str, Any]:
    """Return a failure as plain JSON.

    >>> failure_of_json(failure_as_json(NodeError("timeout", "Too slow.", kind="timeout"))).kind
    'timeout'
    """
    about = {
        "code": failure.code,
        "message": failure.message,
        "kind": failure.kind,
        "details": dict(failure.details),
    }
    if not isinstance(failure, BodyFailed):
        return about
    at, reference, value, hint, kind, _ = failure.evidence
    return {
        **about,
        "node": failure.node_id,
        "attempt": failure.attempt,
        "at": list(failure.at),
        "evidence": [list(at) if at is not None else None, reference, value, hint, kind],
        "variables": dict(failure.left.variables),
    }


def failure_of_json(stored: Mapping[str, Any]) -> NodeError:
    """Return the failure that was stored."""
    code, message, details = stored["code"], stored["message"], stored["details"]
    if "node" not in stored:
        return NodeError(code, message, kind=stored["kind"], details=details)
    at, reference, value, hint, kind = stored["evidence"]
    where = tuple(at) if at is not None else None
    evidence = Evidence(where, reference, value, hint, kind, details)
    left = BodyResult(None, {}, stored["variables"])
    place = stored["node"], stored["attempt"], tuple(stored["at"])
    return BodyFailed(code, message, *place, evidence).having_left(left)
