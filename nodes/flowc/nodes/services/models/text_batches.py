"""How are the pieces of an answer told, without an event for each of them?"""

import asyncio
from collections.abc import Callable

# Pieces that come within this time are told together.
BATCH_SECONDS = 0.015


class TextBatches:
    """Tells of text that comes in pieces: of the first at once, of the next ones together.

    `end` tells of what is left.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._pieces = tell, list[str]()
        self._timer: asyncio.TimerHandle | None = None

    def piece(self, text: str) -> None:
        """Take a piece; it is told now, or soon."""
        self._pieces.append(text)
        if self._timer is None:
            self._tell_all()

    def end(self) -> None:
        """Tell of what has come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._tell_pieces()

    def _tell_all(self) -> None:
        self._timer = None
        if self._pieces:
            self._tell_pieces()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(BATCH_SECONDS, self._tell_all)

    def _tell_pieces(self) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._tell(text)
