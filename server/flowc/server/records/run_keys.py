"""Keys with which something happens once; those of each origin are apart from all others."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def same_json(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; 1 and true are not, nor are 1 and 1.0.

    >>> same_json({"a": 1, "b": 2}, {"b": 2, "a": 1}), same_json(1, True)
    (True, False)
    """
    texts = (json.dumps(each, sort_keys=True) for each in (one, other))
    return next(texts) == next(texts)


def client_key(key: str | None) -> str | None:
    """Return the key of a run that a client starts, from the header that it sends.

    >>> client_key("webhook orders 1")
    'client webhook orders 1'
    """
    return f"client {key}" if key is not None else None


def ingestion_key(key: str | None) -> str | None:
    """Return the key of an ingestion that a client starts."""
    return f"ingest {key}" if key is not None else None


def webhook_key(path: str, message_id: str) -> str:
    """Return the key of the run that a message to a webhook starts."""
    return f"webhook {path[:128]} {hashlib.sha256(message_id.encode()).hexdigest()}"


def schedule_key(schedule_id: str, moment: str) -> str:
    """Return the key of the run that a schedule starts at a moment."""
    return f"schedule {schedule_id} {moment}"


def dependencies_key(workflow_id: str, runs: Mapping[str, str]) -> str:
    """Return the key of the run that starts when these runs of other workflows have completed."""
    text = json.dumps([workflow_id, sorted(runs.items())])
    return f"dependencies {hashlib.sha256(text.encode()).hexdigest()}"
