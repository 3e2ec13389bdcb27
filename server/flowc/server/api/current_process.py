"""The process of the server, as request handlers receive it."""

from typing import Annotated

from fastapi import Depends, Request

from flowc.server.process.process import Process


# A function that is not async would be called in another thread, at each request.
async def _current(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


CurrentProcess = Annotated[Process, Depends(_current)]
