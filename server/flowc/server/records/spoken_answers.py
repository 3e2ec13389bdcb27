"""Messages as answers to questions: yes and no, choices in other words, and withdrawals."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from flowc.compiler.definition.short_schemas import Schema, find_problems
from flowc.compiler.reading.plain_json import plain_from

_YES = frozenset({
    "yes", "y", "yep", "yeah", "yup", "ok", "okay", "k", "sure", "fine", "agreed", "agree",
    "correct", "right", "true", "approve", "approved", "accept", "accepted", "allow", "allowed",
    "confirm", "confirmed", "proceed", "continue",
})  # fmt: skip
_NO = frozenset({
    "no", "n", "nope", "nah", "false", "reject", "rejected", "refuse", "refused", "deny",
    "denied", "decline", "declined", "disallow", "disagree", "disapprove",
})  # fmt: skip
# Words that change nothing beside a yes or a no.
_POLITE = frozenset({
    "please", "thanks", "thank", "you", "go", "ahead", "do", "it", "that", "this", "them", "i",
    "we", "the", "a", "of", "course", "absolutely",
})  # fmt: skip
_GO_AHEAD = ("go ahead", "do it", "please do")
# After these, the first word is not all that is meant.
_DOUBT = frozenset({
    "if", "unless", "but", "only", "when", "after", "before", "except", "not", "dont", "never",
    "maybe", "perhaps", "wait", "or",
})  # fmt: skip
# A no before these words is a yes.
_NO_OBJECTION = frozenset({"problem", "worries", "objection", "objections", "doubt", "issue"})
_LEAVING = frozenset({"cancel", "never mind", "nevermind", "forget it"})
_NO_APOSTROPHES = str.maketrans("", "", "'\N{RIGHT SINGLE QUOTATION MARK}")
_STOPPING = frozenset({"stop", "quit", "exit", "abort", "leave"})


async def answer_in(text: str, schema: Schema) -> Any | None:
    """Return a message as an answer that fits a schema; None if it is none. Raises TooCostly.

    >>> import asyncio
    >>> schema = {"properties": {"choice": {"enum": ["approve", "reject"]}}, "required": ["choice"]}
    >>> [asyncio.run(answer_in(each, schema)) for each in ("Yes, please!", "No.", "Perhaps")]
    [{'choice': 'approve'}, {'choice': 'reject'}, None]
    """
    for candidate in _candidates(text.strip(), schema):
        if not await find_problems(candidate, schema):
            return candidate
    return None


def leaves(text: str, schema: Schema) -> bool:
    """Return whether a message leaves a question instead of answering it.

    Where any text is an answer, fewer words do so.

    >>> schema = {"properties": {"choice": {"enum": ["approve", "reject"]}}}
    >>> leaves("Never mind.", schema), leaves("Stop", schema), leaves("Stop it then", schema)
    (True, True, False)
    >>> leaves("cancel", {"properties": {"choice": {"enum": ["keep", "cancel"]}}})
    False
    """
    words, choices = _plain(text), choices_in(schema)
    if text.strip().casefold() == "/cancel":
        return True
    if words in map(_plain, choices):
        return False
    return words in _LEAVING or (bool(choices) and words in _STOPPING)


def choices_in(schema: Schema) -> list[str]:
    """Return the choices of a question, by name."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return [str(each) for each in properties.get("choice", {}).get("enum", [])]


def _candidates(text: str, schema: Schema) -> Iterator[Any]:
    with suppress(ValueError):
        yield plain_from(text)
    choice = _choice(text, choices_in(schema))
    if choice is not None:
        yield {"choice": choice}
    names = list(schema.get("required") or schema.get("properties", ()))
    if len(names) == 1:
        yield {names[0]: text}


def _choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a text makes, if it makes exactly one.

    >>> _choice("Send back, please", ["approve", "send_back"])
    'send_back'
    >>> _choice("OK, go ahead!", ["accept", "later", "decline"])
    'accept'
    >>> _choice("reject: too expensive", ["approve", "reject"])
    'reject'
    >>> [_choice(each, ["approve", "reject"]) for each in ("approve? no!", "yes and no", "thanks")]
    [None, None, None]
    >>> _choice("No, it is too expensive.", ["approve", "reject"])
    'reject'
    >>> _choice("no problem", ["approve", "reject"])
    >>> _choice("yes, if it is cheap", ["approve", "reject"])
    """
    named = {_plain(choice): choice for choice in choices}
    words = _plain(text).split()
    own = [word for word in words if word not in _POLITE]
    for candidate in (" ".join(words), " ".join(own)):
        if candidate in named:
            return named[candidate]
    return _meant(words, own, choices) or _explained(words, named) or _declined(words, choices)


def _meant(words: Sequence[str], own: Sequence[str], choices: Sequence[str]) -> str | None:
    """Return the one choice that agrees or refuses, if the words do nothing else."""
    goes_ahead = not own and any(phrase in " ".join(words) for phrase in _GO_AHEAD)
    for meaning, is_meant in ((_YES, goes_ahead), (_NO, False)):
        fitting = [each for each in choices if set(_plain(each).split()) <= meaning]
        if len(fitting) == 1 and (is_meant or (own and meaning.issuperset(own))):
            return fitting[0]
    return None


def _explained(words: Sequence[str], named: Mapping[str, str]) -> str | None:
    """Return the choice that the first words name, if those after them take nothing back."""
    for plain, choice in named.items():
        first = plain.split()
        rest = set(words[len(first) :])
        others = {word for other in named if other != plain for word in other.split()}
        against = (_DOUBT | others | _YES | _NO) - set(first)
        if first and list(words[: len(first)]) == first and not rest & against:
            return choice
    return None


def _declined(words: Sequence[str], choices: Sequence[str]) -> str | None:
    """Return the one choice that refuses, if the words are a no and the reasons for it."""
    refusing = [each for each in choices if set(_plain(each).split()) <= _NO]
    is_no = words and words[0] in _NO and not set(words) & (_YES | _DOUBT | _NO_OBJECTION)
    return refusing[0] if is_no and len(refusing) == 1 else None


def _plain(text: str) -> str:
    """Return a text in small letters, without punctuation."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold().translate(_NO_APOSTROPHES)))
