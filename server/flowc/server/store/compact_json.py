"""JSON as it is stored: without spaces, and encoded with little work."""

import json
from typing import Any

import orjson

# What only orjson takes is an error, as it is for `json`.
_AS_JSON = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def compact_json(value: Any) -> str:
    """Return a value as JSON.

    What orjson refuses is encoded by `json`, as are whole numbers of more than 64 bits.

    >>> compact_json({"a": [1, 10**30]})
    '{"a":[1,1000000000000000000000000000000]}'
    """
    try:
        return orjson.dumps(value, option=_AS_JSON).decode()
    except TypeError:
        return _ENCODER.encode(value)


def compact_json_for_sqlite(value: Any) -> str | bytes:
    """Return a value as JSON for SQLite, a number as bytes.

    In a column of type JSON, SQLite takes the text of a number for the number, and rounds what has
    more than 64 bits.
    """
    text = compact_json(value)
    return text.encode() if isinstance(value, (int, float)) else text
