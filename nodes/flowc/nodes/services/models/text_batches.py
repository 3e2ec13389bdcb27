"""Collects the pieces of a streamed text, so that not every piece becomes an event."""

import asyncio
from collections.abc import Callable

# Pieces that arrive within this time are passed on together.
BATCH_SECONDS = 0.015


class TextBatches:
    """Passes on the first piece at once, and later ones in batches; `flush` passes on the rest."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text, self._pieces = on_text, list[str]()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, text: str) -> None:
        """Add a piece, which is passed on at once if no batch is being collected."""
        self._pieces.append(text)
        if self._timer is None:
            self._pass_on_batch()

    def flush(self) -> None:
        """Pass on what is left, at the end of the text."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._pass_on()

    def _pass_on_batch(self) -> None:
        self._timer = None
        # With no piece for the whole time, no timer runs: the next piece is passed on at once.
        if self._pieces:
            self._pass_on()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(BATCH_SECONDS, self._pass_on_batch)

    def _pass_on(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._on_text(text)
