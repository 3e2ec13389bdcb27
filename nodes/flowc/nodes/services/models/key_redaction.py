"""Removes a provider's key from its answers: some services repeat the request that they got."""

from dataclasses import replace
from functools import lru_cache

from flowc.compiler.running.redaction import Redactor, StreamRedactor
from flowc.nodes.services.models.answers import ModelAnswer, OnText


@lru_cache(maxsize=100)
def key_redactor(key: str) -> "KeyRedactor":
    """Return the redactor of a key; it takes time to make, so the last ones are stored."""
    return KeyRedactor(key)


class KeyRedactor:
    """Removes one key, in all forms in which a service may repeat it."""

    def __init__(self, key: str) -> None:
        self._redactor = Redactor([key])

    def answer(self, answer: ModelAnswer) -> ModelAnswer:
        """Return an answer with the key removed."""
        calls = tuple(self._redactor.json([dict(call) for call in answer.tool_calls]))
        text, thought, refusal = map(
            self._redactor.text, (answer.text, answer.reasoning, answer.refusal)
        )
        cited = tuple(self._redactor.json([dict(each) for each in answer.citations]))
        texts = replace(answer, text=text, reasoning=thought, refusal=refusal)
        return replace(texts, tool_calls=calls, citations=cited)

    def text(self, text: str) -> str:
        """Return a text with the key removed."""
        return self._redactor.text(text)

    def stream(self, on_text: OnText) -> StreamRedactor:
        """Return a callback that passes text on with the key removed."""
        return StreamRedactor(self._redactor, on_text)
