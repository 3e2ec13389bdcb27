"""Splits the thoughts off that some models write before their answer, between tags."""

import re
from collections.abc import Callable, Mapping
from typing import Any

# Tags of models and of the servers that run them. Thoughts elsewhere in an answer are part of it.
_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "reason", "seed:think")
_OPENING = re.compile(rf"\s*<({'|'.join(_NAMES)})>", re.IGNORECASE)
_CLOSING = re.compile(r"\A(.*?)</(?:think|thinking|seed:think)>", re.IGNORECASE | re.DOTALL)
_LONGEST = max(map(len, _NAMES)) + 2
_STARTS = frozenset(f"<{name}>"[:end] for name in _NAMES for end in range(1, len(name) + 3))

# Between a request of calls and their results, these providers want the thoughts of the request
# back, and refuse the results without them; others do not know the fields.
_WANT_BACK: Mapping[str, frozenset[str]] = {
    "thinking_blocks": frozenset({"anthropic", "bedrock", "vertex_ai"}),
    "reasoning_content": frozenset({"deepseek", "moonshot"}),
}

OnPiece = Callable[[str], None]


def with_wanted_thoughts(messages: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return messages with those of their thoughts that the model's provider wants back."""
    provider = model.partition("/")[0]
    unwanted = {name for name, providers in _WANT_BACK.items() if provider not in providers}
    return [
        {name: value for name, value in message.items() if name not in unwanted}
        if unwanted & message.keys()
        else message
        for message in messages
    ]


def ignore_piece(piece: str) -> None:
    """Do nothing with a piece of text."""


class ThoughtSplitter:
    """Passes on a text that arrives in pieces: its thoughts to one callback, its answer to another.

    Thoughts are at the beginning. A piece that may be part of a tag is held back until the next one
    shows whether it is; at the end of the text, `flush` passes it on.
    """

    def __init__(self, on_text: OnPiece, on_thought: OnPiece) -> None:
        self._on_text, self._on_thought = on_text, on_thought
        self._held, self._tag = "", ""
        self._has_begun, self._has_thoughts = False, False

    def __call__(self, piece: str) -> None:
        """Add a piece."""
        if self._has_begun:
            self._on_text(piece)
            return
        self._held += piece
        while self._held and not self._has_begun and self._step():
            pass

    def follow_thoughts(self) -> None:
        """Drop the white space before the answer, as thoughts have arrived apart from it."""
        self._has_thoughts = True

    def flush(self) -> None:
        """Pass on what is held back. Thoughts without an end are thoughts to the end."""
        held, self._held = self._held, ""
        if self._tag:
            self._pass_on(self._on_thought, held)
        elif held.strip() or not self._has_thoughts:
            self._pass_on(self._on_text, held)

    def _step(self) -> bool:
        """Pass on what is known to be thought or answer; return whether more may be known now."""
        return self._in_thought() if self._tag else self._at_beginning()

    def _at_beginning(self) -> bool:
        opening = _OPENING.match(self._held)
        if opening is not None:
            self._tag, self._has_thoughts = f"</{opening.group(1)}>".lower(), True
            self._held = self._held[opening.end() :]
            return True
        begun = self._held.lstrip()
        if not begun or (len(begun) < _LONGEST and begun.lower() in _STARTS):
            return False
        self._has_begun = True
        text, self._held = begun if self._has_thoughts else self._held, ""
        self._on_text(text)
        return False

    def _in_thought(self) -> bool:
        end = self._held.lower().find(self._tag)
        if end >= 0:
            thought, self._held = self._held[:end], self._held[end + len(self._tag) :]
            self._tag = ""
            self._pass_on(self._on_thought, thought)
            return True
        cut = len(self._held) - _common_end(self._held.lower(), self._tag)
        thought, self._held = self._held[:cut], self._held[cut:]
        self._pass_on(self._on_thought, thought)
        return False

    def _pass_on(self, take: OnPiece, piece: str) -> None:
        if piece:
            take(piece)


def _common_end(text: str, tag: str) -> int:
    """Return the length of the longest beginning of a tag that a text ends with."""
    lengths = range(min(len(text), len(tag) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(tag[:length])), 0)


def without_thoughts(text: str) -> tuple[str, str]:
    """Return an answer and the thoughts before it.

    Some servers leave the opening tag out, as it is part of what they send to the model.

    >>> without_thoughts("<think>Rome?</think>\\n\\nRome.")
    ('Rome.', 'Rome?')
    >>> without_thoughts("Rome? Yes.</think>Rome.")
    ('Rome.', 'Rome? Yes.')
    >>> without_thoughts("Write <think> in the prompt.")
    ('Write <think> in the prompt.', '')
    """
    answer: list[str] = []
    thoughts: list[str] = []
    splitter = ThoughtSplitter(answer.append, thoughts.append)
    splitter(text)
    splitter.flush()
    said, thought = "".join(answer), "".join(thoughts)
    if not thought and (found := _CLOSING.match(said)) and not re.search("<think", found.group(1)):
        return said[found.end() :].lstrip(), found.group(1).strip()
    return said, thought.strip()
