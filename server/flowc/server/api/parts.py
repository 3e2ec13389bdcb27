"""What do the handlers work with?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from flowc.server.service import Runs, Workflows
from flowc.server.store import StoredRuns, StoredWorkflows


@dataclass(frozen=True)
class Parts:
    """The open parts of a running server."""

    store: StoredWorkflows
    stored_runs: StoredRuns
    workflows: Workflows
    runs: Runs
    isolation: Mapping[str, str]


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


OpenParts = Annotated[Parts, Depends(_parts)]
