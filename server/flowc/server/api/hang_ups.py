"""Ends the run of a turn of a chat if its client hangs up before the turn is over."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import Request, Response

from flowc.server.conversations.chat import Chat, LastPiece, Piece, Turn

# What becomes of the run if the client hangs up.
OnDisconnect = Literal["cancel", "continue"]
# The status that logs have of a request whose client has hung up; it has no other reader.
_UNREAD = 499


def unread() -> Response:
    """Return the response to a client that has hung up."""
    return Response(None, _UNREAD)


class WatchedTurn:
    """A turn of a chat whose run ends if the client hangs up, unless it asked otherwise."""

    def __init__(self, chat: Chat, turn: Turn, on_disconnect: OnDisconnect) -> None:
        self._chat, self.turn = chat, turn
        # A turn that was joined has another client, which may still wait; one without an answer to
        # its question sets nothing to work.
        is_of_others = turn.is_joined or turn.misread is not None
        self._ends = on_disconnect == "cancel" and not is_of_others
        self._is_over = False

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield the pieces of the turn as they arrive."""
        try:
            async for piece in self._chat.pieces(self.turn):
                # Before it is sent: clients hang up when they have it.
                self._is_over = isinstance(piece, LastPiece)
                yield piece
        finally:
            self._is_over = True

    async def outcome(self, request: Request) -> LastPiece | None:
        """Wait for the end of the turn; return None if the client hangs up before."""
        outcome = asyncio.create_task(self._chat.outcome(self.turn))
        hanging_up = asyncio.create_task(_hang_up_of(request))
        try:
            await asyncio.wait([outcome, hanging_up], return_when=FIRST_COMPLETED)
            if outcome.done():
                return outcome.result()
            await self.hung_up()
            return None
        finally:
            await _cancelled(outcome, hanging_up)

    async def hung_up(self) -> None:
        """End the run, unless the turn is over."""
        if self._ends and not self._is_over:
            await self._chat.hung_up(self.turn)


async def _hang_up_of(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
