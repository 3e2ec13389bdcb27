"""WebSockets on which the server sends events until there are no more, or the client leaves."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from fastapi import status as codes

from flowc.server.api.admission import until_refused
from flowc.server.api.errors import close_refused
from flowc.server.engine.publishing.watchers import ServerStops
from flowc.server.records.refused import Refused

_OVER = "The key, token or session is over."
_CLOSING_SECONDS = 5.0


async def serve_socket(socket: WebSocket, events: Coroutine[Any, Any, None]) -> None:
    """Accept a WebSocket and send `events` on it, until they end or its caller may not read it.

    What the client sends has no meaning. A refusal closes the socket, and says why.
    """
    await socket.accept()
    sending = asyncio.create_task(_send(socket, events))
    leaving = asyncio.create_task(_left(socket))
    ending = asyncio.create_task(until_refused(socket))
    tasks = (sending, leaving, ending)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    is_refused = ending.done()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if not sending.cancelled():
        sending.result()
    elif is_refused:
        # A client that does not read is left after a while.
        with suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await socket.close(codes.WS_1008_POLICY_VIOLATION, _OVER)


async def _send(socket: WebSocket, events: Coroutine[Any, Any, None]) -> None:
    """Send the events; close the socket when there are no more, or say why not."""
    with suppress(WebSocketDisconnect):
        try:
            await events
        except ServerStops:
            await socket.close(codes.WS_1012_SERVICE_RESTART)
        except Refused as problem:
            await close_refused(socket, problem)
        else:
            await socket.close()


async def _left(socket: WebSocket) -> None:
    """Wait until the client leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
