"""How is a provider's key kept from what it says? Some repeat the request that they were sent."""

from dataclasses import replace
from functools import lru_cache

from flowc.compiler.running.redaction import Redactor
from flowc.nodes.services.models.answers import ModelAnswer, OnText


@lru_cache(maxsize=100)
def key_redactor(key: str) -> "KeyRedactor":
    """Return what hides a key."""
    return KeyRedactor(key)


class KeyRedactor:
    """Hides one key, in all forms in which a service may repeat it."""

    def __init__(self, key: str) -> None:
        self._key, self._redactor = key, Redactor([key])

    def answer(self, answer: ModelAnswer) -> ModelAnswer:
        """Return an answer without the key in it."""
        calls = tuple(self._redactor.json([dict(call) for call in answer.tool_calls]))
        text, thought = (self._redactor.text(each) for each in (answer.text, answer.reasoning))
        return replace(answer, text=text, reasoning=thought, tool_calls=calls)

    def telling(self, tell: OnText) -> "StreamRedactor":
        """Return somebody to tell of pieces, who tells of them without the key."""
        return StreamRedactor(self._key, self._redactor, tell)


class StreamRedactor:
    """Tells of pieces of a text; what may be the beginning of a key waits for the next piece."""

    def __init__(self, key: str, redactor: Redactor, tell: OnText) -> None:
        self._key, self._redactor, self._tell = key, redactor, tell
        self._held = ""

    def __call__(self, piece: str) -> None:
        """Take a piece."""
        text = self._held + piece
        if self._key in text:
            text = self._redactor.text(text)
        kept = self._beginning_at_the_end(text)
        self._held = text[len(text) - kept :]
        if told := text[: len(text) - kept]:
            self._tell(told)

    def end(self) -> None:
        """Tell of what is held: it was no key."""
        if self._held:
            self._tell(self._held)

    def _beginning_at_the_end(self, text: str) -> int:
        for length in range(min(len(text), len(self._key) - 1), 0, -1):
            if self._key.startswith(text[-length:]):
                return length
        return 0
