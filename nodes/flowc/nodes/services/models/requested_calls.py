"""The calls of tools in an answer, as providers really send them, made sound.

Ids are missing or the same for two calls; names have prefixes; arguments are objects or missing; in
a stream, several calls have one index, or each chunk has an id of its own.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SentCall = dict[str, Any]

# What models put before the name of a tool, or after it: `functions.search:0`.
_PREFIX = re.compile(r"^(?:functions?|tools?|default_api|multi_tool_use|assistant)[.:/]", re.I)
_NUMBER = re.compile(r":\d+$")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
# The name that is sent back for a call that has none: providers refuse an empty one.
NAMELESS = "unnamed"


@dataclass
class _Piecemeal:
    """A call whose parts arrive one after the other."""

    index: int | None
    id: str
    name: str
    arguments: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return not self.arguments or is_json(self.arguments)


def calls_in_message(message: Any) -> tuple[SentCall, ...]:
    """Return the calls in a message of litellm, also one in the older form `function_call`."""
    found = [_plain(each) for each in getattr(message, "tool_calls", None) or ()]
    older = _plain(getattr(message, "function_call", None))
    if not found and isinstance(older, dict) and older.get("name"):
        found = [{"function": older}]
    return sound(each for each in found if isinstance(each, dict))


def calls_in_stream(chunks: Iterable[Any]) -> tuple[SentCall, ...]:
    """Return the calls in the chunks of a stream, each put together from its parts."""
    calls: list[_Piecemeal] = []
    for chunk in chunks:
        delta = chunk.choices[0].delta if chunk.choices else None
        for part in getattr(delta, "tool_calls", None) or ():
            _add(calls, _plain(part))
    return sound(
        {**each.more, "id": each.id, "function": {"name": each.name, "arguments": each.arguments}}
        for each in calls
    )


def _add(calls: list[_Piecemeal], part: Mapping[str, Any]) -> None:
    """Add a part to the call that it continues, or as the beginning of a new one."""
    id, index, function = str(part.get("id") or ""), part.get("index"), _function(part)
    name, arguments = str(function.get("name") or ""), _as_text(function.get("arguments"))
    there = [each for each in calls if index is None or each.index in {index, None}]
    if not there and not name:
        there = [each for each in calls if id and each.id == id]
    current = next((each for each in reversed(there) if id and each.id == id), None)
    current = current or (there[-1] if there else None)
    if current is None or _is_new(current, id, name, arguments):
        current = _Piecemeal(index, id, name, arguments)
        calls.append(current)
    elif not _is_repeated(current, name, arguments):
        current.id, current.name = current.id or id, current.name or name
        current.arguments += arguments
    # What a provider adds of its own, such as a signature, it wants back.
    current.more |= _more(part)


def _is_new(current: _Piecemeal, id: str, name: str, arguments: str) -> bool:
    """Return whether a part begins a new call, although another has its index or its id."""
    if not name or not current.is_whole or _is_repeated(current, name, arguments):
        return False
    has_own_id = bool(id and current.id and id != current.id)
    return has_own_id or (bool(current.arguments) and (not arguments or is_json(arguments, dict)))


def _is_repeated(current: _Piecemeal, name: str, arguments: str) -> bool:
    """Return whether a part says again, at its end, what a call was."""
    is_same = name == current.name and arguments == current.arguments
    return is_same and is_json(arguments, dict)


def sound(calls: Iterable[Mapping[str, Any]]) -> tuple[SentCall, ...]:
    """Return calls in OpenAI's format, with ids that are all different, and arguments as texts."""
    found: list[SentCall] = []
    used: set[str] = set()
    for call in calls:
        function, own = _function(call), unique_id(str(call.get("id") or ""), used)
        named = {
            "name": str(function.get("name") or "").strip(),
            "arguments": _as_text(function.get("arguments")) or "{}",
        }
        found.append({**_more(call), "id": own, "type": "function", "function": named})
    return tuple(found)


def _more(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a call that are not OpenAI's."""
    known = {"id", "type", "index", "function"}
    return {name: value for name, value in call.items() if value and name not in known}


def unique_id(id: str, used: set[str]) -> str:
    """Return the id, or a new one if it is empty or used; it is among the used ones then.

    >>> used: set[str] = set()
    >>> unique_id("a", used), unique_id("a", used), unique_id("", used)
    ('a', 'a_2', 'call_3')
    """
    number, wanted = len(used) + 1, id
    while not wanted or wanted in used:
        wanted = f"{id}_{number}" if id else f"call_{number}"
        number += 1
    used.add(wanted)
    return wanted


def with_known_names(calls: Sequence[Mapping[str, Any]], tools: Any) -> tuple[SentCall, ...]:
    """Return calls with the names of the tools that they mean, as far as that is certain."""
    names = [str(_function(each).get("name")) for each in tools or () if isinstance(each, dict)]
    return tuple(
        {**call, "function": {**call["function"], "name": _known(call["function"]["name"], names)}}
        for call in calls
    )


def _known(name: str, names: Sequence[str]) -> str:
    """Return the one name that is meant.

    >>> _known("functions.look:0", ["look", "find"]), _known("Look", ["look"])
    ('look', 'look')
    >>> _known("other", ["look"])
    'other'
    """
    if name in names:
        return name
    bare = _NUMBER.sub("", _PREFIX.sub("", name))
    near = [each for each in names if _plainly(each) == _plainly(bare)]
    return bare if bare in names else near[0] if len(near) == 1 else name


def _plainly(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name).replace("-", "_").lower()


def sendable(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages whose calls providers accept: with ids of their own, names, and arguments.

    Results keep to their calls: the first result with an id belongs to the first call with it.
    Arguments that are not a JSON object are sent as `{}`: some providers refuse the whole
    conversation for them.
    """
    used: set[str] = set()
    waiting: dict[str, list[str]] = {}
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.get("tool_calls"):
            waiting = {}
            calls = [_sendable(each, used, waiting) for each in message["tool_calls"]]
            found.append({**message, "tool_calls": calls})
        elif message.get("role") == "tool":
            ids = waiting.get(str(message.get("tool_call_id") or ""), [])
            given = {"tool_call_id": ids.pop(0)} if ids else {}
            found.append({**message, **given})
        else:
            found.append(message)
    return found


def _sendable(call: Any, used: set[str], waiting: dict[str, list[str]]) -> SentCall:
    given, function = (call if isinstance(call, dict) else {}), _function(call)
    id, text = str(given.get("id") or ""), _as_text(function.get("arguments"))
    own = unique_id(id, used)
    waiting.setdefault(id, []).append(own)
    name = _NOT_IN_NAMES.sub("_", str(function.get("name") or ""))[:64] or NAMELESS
    arguments = text if is_json(text, dict) else "{}"
    named = {**function, "name": name, "arguments": arguments}
    return {**given, "id": own, "type": "function", "function": named}


def is_json(text: str, kind: type = object) -> bool:
    """Return whether a text is JSON of a kind.

    >>> is_json("{}", dict), is_json("[]", dict), is_json("word = 1")
    (True, False, False)
    """
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


def _function(call: Any) -> Mapping[str, Any]:
    found = call.get("function") if isinstance(call, dict) else None
    return found if isinstance(found, dict) else {}


def _as_text(arguments: Any) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
