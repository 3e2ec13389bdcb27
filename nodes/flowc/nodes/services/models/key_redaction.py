"""Removes a provider's key from its answers: some services repeat the request that they got."""

from dataclasses import replace
from functools import lru_cache

from flowc.compiler.running.redaction import Redactor
from flowc.nodes.services.models.answers import ModelAnswer, OnText


@lru_cache(maxsize=100)
def key_redactor(key: str) -> "KeyRedactor":
    """Return the redactor of a key; it takes time to make, so the last ones are stored."""
    return KeyRedactor(key)


class KeyRedactor:
    """Removes one key, in all forms in which a service may repeat it."""

    def __init__(self, key: str) -> None:
        self._key, self._redactor = key, Redactor([key])

    def answer(self, answer: ModelAnswer) -> ModelAnswer:
        """Return an answer with the key removed."""
        calls = tuple(self._redactor.json([dict(call) for call in answer.tool_calls]))
        text, thought = (self._redactor.text(each) for each in (answer.text, answer.reasoning))
        return replace(answer, text=text, reasoning=thought, tool_calls=calls)

    def stream(self, on_text: OnText) -> "StreamRedactor":
        """Return a callback that passes text on with the key removed."""
        return StreamRedactor(self._key, self._redactor, on_text)


class StreamRedactor:
    """Passes on a text that arrives in pieces, with the key removed.

    A key can be split between pieces: an end that could be the beginning of the key is held back
    until the next piece shows whether it is.
    """

    def __init__(self, key: str, redactor: Redactor, on_text: OnText) -> None:
        self._key, self._redactor, self._on_text = key, redactor, on_text
        self._held = ""

    def __call__(self, piece: str) -> None:
        """Add a piece."""
        text = self._held + piece
        if self._key in text:
            text = self._redactor.text(text)
        length = len(text) - self._length_to_hold(text)
        self._held = text[length:]
        if length:
            self._on_text(text[:length])

    def flush(self) -> None:
        """Pass on what is held back, at the end of the text: it was not the key."""
        if self._held:
            self._on_text(self._held)

    def _length_to_hold(self, text: str) -> int:
        """Return the length of the longest end of a text with which the key begins."""
        for length in range(min(len(text), len(self._key) - 1), 0, -1):
            if self._key.startswith(text[-length:]):
                return length
        return 0
