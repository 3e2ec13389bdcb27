"""What is stored as JSON is read as the same value, whichever encoder wrote it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flowc.server.store.compact_json import compact_json


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -0.5,
        1e300,
        5e-324,
        0.1 + 0.2,
        2**53 + 1,
        2**63,
        -(2**64),
        10**70,
        {"n": [10**30, {"m": 2**65}]},
        "",
        'quotes " and \\ and \n and \u2028',
        "\x00\x1f\x7f",
        "ä 語 🎈",
        "\ud800 alone",
        {"\udfff": ["ö"]},
        {"": {}, " ": []},
        _nested(300),
    ],
    ids=repr,
)
def test_values_are_read_as_they_were(value: Any) -> None:
    text = compact_json(value)
    found = json.loads(text)
    assert found == value
    assert type(found) is type(value)
    assert json.dumps(found, separators=(",", ":")) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("value", [datetime.now(UTC), {1, 2}, b"bytes", object()], ids=type)
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        compact_json({"value": value})
