"""The error of a run or of a node, as clients see it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import WithJsonSchema

_TEXT = {"type": "string"}
_AT = {
    "type": "object",
    "title": "FailurePlace",
    "description": "The place in the definition; its file and line only where its text is known.",
    "properties": {
        "pointer": _TEXT,
        "file": {"type": ["string", "null"]},
        "line": {"type": ["integer", "null"]},
        "column": {"type": ["integer", "null"]},
    },
    "required": ["pointer"],
}
_SCHEMA = {
    "type": "object",
    "title": "Failure",
    "description": "Why a run or a node failed.",
    "properties": {
        "code": _TEXT,
        "message": {**_TEXT, "description": "A sentence for people."},
        "node_id": {**_TEXT, "description": "The node that failed, of a run."},
        "attempt": {"type": "integer"},
        "at": _AT,
        "reference": {
            **_TEXT,
            "description": "The path, or part of an expression, whose value is at fault.",
        },
        "value": {**_TEXT, "description": "That value as JSON, shortened, without secrets."},
        "hint": {**_TEXT, "description": "What to do."},
    },
    "required": ["code", "message"],
}
_OF_NODE = ("code", "message", "at", "reference", "value", "hint")

# Of a run or of a node; the schema says which fields there may be.
FailureJson = Annotated[dict[str, Any], WithJsonSchema(_SCHEMA)]


def failure_in(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the error of a node from the data of `node.failed`."""
    return {name: data[name] for name in _OF_NODE if name in data}
