"""What do the handlers work with? The open parts of the process."""

from typing import Annotated

from fastapi import Depends, Request

from flowc.server.process.process import Process


def _parts(request: Request) -> Process:
    parts: Process = request.app.state.parts
    return parts


OpenParts = Annotated[Process, Depends(_parts)]
