"""Reads a stream of server-sent events as a list."""

import json
from typing import Any


def events_in(text: str) -> list[dict[str, Any]]:
    r"""Return the events of a stream, in order; their data is JSON where it is.

    >>> events_in('event: price\ndata: {"n": 1}\n\n: still here\n\nid: 7\ndata: a\ndata: b\n\n')
    [{'event': 'price', 'data': {'n': 1}}, {'event': 'message', 'data': 'a\nb', 'id': '7'}]
    """
    found, fields = list[dict[str, Any]](), dict[str, list[str]]()
    normal = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # What a stream breaks off with is an event, too: the end of the response ends it.
    for line in [*normal.split("\n"), ""]:
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        else:
            found += _event(fields)
            fields = {}
    return found


def _event(fields: dict[str, list[str]]) -> list[dict[str, Any]]:
    if "data" not in fields:
        return []
    event = {
        "event": fields.get("event", [""])[-1] or "message",
        "data": _data("\n".join(fields["data"])),
    }
    return [event | {"id": fields["id"][-1]} if "id" in fields else event]


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
