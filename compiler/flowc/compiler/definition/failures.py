"""The words that select failures: kinds, statuses of HTTP, and codes.

on: [timeout, 429, 5xx, card-refused]
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

FailureKind = Literal["timeout", "connection", "rate-limit", "server-error", "bad-answer"]
PASSING: tuple[FailureKind, ...] = get_args(FailureKind)
ANY = "any"

# The type of pydantic's error for a word that selects no failure.
UNKNOWN_FAILURE = "unknown-failure"

_STATUS, _STATUSES = re.compile(r"[1-5]\d\d"), re.compile(r"[1-5]xx")
_CODE = re.compile(r"[^\s{}]{1,128}")
# Words of other tools, in lower case.
_FOREIGN: Mapping[str, str] = {
    "*": ANY,
    "all": ANY,
    "true": ANY,
    "always": ANY,
    "states.all": ANY,
    "states.taskfailed": ANY,
    "states.timeout": "timeout",
    "states.heartbeattimeout": "timeout",
    "states.http.statuscode.429": "429",
    "lambda.toomanyrequestsexception": "rate-limit",
    "toomanyrequests": "rate-limit",
    "ratelimiterror": "rate-limit",
    "timeouterror": "timeout",
    "connectionerror": "connection",
    "network": "connection",
    "5**": "5xx",
    "4**": "4xx",
}
_FOREIGN_URI = re.compile(r"https?://.*/errors/([a-z-]+)")


def selects(
    words: Collection[str | int], code: str, kind: FailureKind | None, status: Any = None
) -> bool:
    """Return whether one of the words selects a failure.

    >>> selects(("5xx",), "http-status", "server-error", 503), selects((404,), "http-status", None)
    (True, False)
    """
    names = {ANY, code, kind, status}
    if isinstance(status, int) and not isinstance(status, bool):
        names.add(f"{status // 100}xx")
    return any(word in names for word in words)


def _failure_word(given: Any) -> str | int:
    """Return the word or status that is written; raise PydanticCustomError if it is neither."""
    if isinstance(given, int) and not isinstance(given, bool):
        if _STATUS.fullmatch(str(given)):
            return given
        raise _unknown(given, "a status of HTTP has three digits, from 100 to 599", None)
    if not isinstance(given, str):
        raise _unknown(given, "it must be a kind, a code or a status", None)
    if _STATUS.fullmatch(given):
        return int(given)
    if _STATUSES.fullmatch(given.lower()):
        return given.lower()
    meant = _meant(given)
    if meant is not None or not _CODE.fullmatch(given):
        raise _unknown(given, f"{given[:60]!r} selects no failure", meant)
    return given


def _meant(given: str) -> str | None:
    """Return the kind that a word stands for, if it is not a kind and surely no code."""
    if given in {ANY, *PASSING}:
        return None
    word = given.lower().strip()
    uri = _FOREIGN_URI.fullmatch(word)
    if uri is not None:
        return _meant(uri[1]) or (uri[1] if uri[1] in PASSING else ANY)
    span = re.fullmatch(r"([1-5])00\s*(?:-|\.\.|to)\s*\1(?:99|xx)", word)
    if span is not None:
        return f"{span[1]}xx"
    found = re.fullmatch(r"(?:http|status)[\s._-]*(\d\d\d)", word)
    if found is not None:
        return found[1]
    if word in _FOREIGN:
        return _FOREIGN[word]
    near = get_close_matches(word.replace("_", "-"), [ANY, *PASSING], n=1, cutoff=0.85)
    return near[0] if near else None


def _unknown(given: Any, sentence: str, meant: str | None) -> PydanticCustomError:
    known = f"The kinds are {', '.join(PASSING)} and any; a status is 429 or 5xx."
    hint = f"Did you mean {meant!r}?" if meant is not None else known
    context = {"sentence": sentence, "hint": hint, "meant": meant}
    return PydanticCustomError(UNKNOWN_FAILURE, "{sentence}", context)


FailureWord = Annotated[
    str | int,
    BeforeValidator(_failure_word),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [ANY, *PASSING, "4xx", "5xx"]},
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string"},
            ],
            "description": "A kind of failure, a status of HTTP (429, 5xx), or the code of an"
            " error; `any` means every failure.",
        }
    ),
]
