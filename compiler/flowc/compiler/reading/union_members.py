"""Chooses, of the errors of a union's members, those of the member that is meant.

pydantic reports a wrong value once for each member of a union, so that one mistake would be three:

    on_error: {outptu: 1}    must be 'fail' or 'continue'      the words
                             'outptu' is not known             {output: …}
                             'goto' is missing, and again      {goto: …}
"""

from collections.abc import Iterator, Sequence
from typing import Any

from flowc.compiler.diagnostics import Pointer

Errors = Sequence[Any]
# How far a member is from what is written, for each of its errors.
_COSTS = {"extra_forbidden": 3, "missing": 3}
_OTHER_TYPE = 100


def of_members_meant(errors: Errors, data: Any) -> list[Any]:
    """Return the errors without those of other members of unions than the ones that are meant.

    Errors of the items of a list hide the one about its length, which follows from them.
    """
    groups: dict[Pointer, dict[str, list[Any]]] = {}
    for error in errors:
        found = _member(error["loc"], data)
        if found is not None:
            groups.setdefault(found[0], {}).setdefault(found[1], []).append(error)
    dropped = [id(error) for members in groups.values() for error in _of_others(members)]
    left = [error for error in errors if id(error) not in dropped]
    return [error for error in left if not _follows(error, left)]


def _member(loc: Pointer, data: Any) -> tuple[Pointer, str] | None:
    """Return the place of the first union on the way to an error, and the name of its member."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        is_last = index == len(loc) - 1
        if _has(data, part):
            data = data[part]
        elif isinstance(part, str) and (not is_last or _is_type_name(part)):
            return tuple(path), part
        else:
            return None
        path.append(part)
    return None


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, (list, tuple)):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _is_type_name(part: str) -> bool:
    """Return whether a last part is the name of a member, and not a key that is missing.

    >>> [_is_type_name(part) for part in ("str", "literal['a']", "GoOn", "goto")]
    [True, True, True, False]
    """
    plain = {"str", "int", "float", "bool", "none", "any"}
    return part in plain or "[" in part or part[:1].isupper()


def _of_others(members: dict[str, list[Any]]) -> Iterator[Any]:
    if len(members) < 2:
        return
    chosen = min(members, key=lambda name: _distance(name, members[name]))
    for name, errors in members.items():
        if name != chosen:
            yield from errors


def _distance(name: str, errors: Errors) -> int:
    is_word = name.startswith("literal")
    total = 0
    for error in errors:
        if error["loc"][-1] == name:
            # The value is of another type; of these, a text is most likely a wrong word.
            is_meant = is_word and isinstance(error["input"], str)
            total += _OTHER_TYPE - (2 if is_meant else int(is_word and _is_plain(error["input"])))
        else:
            total += _COSTS.get(error["type"], 1)
    return total


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float))


def _follows(error: Any, errors: Errors) -> bool:
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in errors
    )
