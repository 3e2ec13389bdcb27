"""What do the handlers work with?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from flowc.server.process import Process
from flowc.server.schedules import Schedules
from flowc.server.service import Runs
from flowc.server.store import StoredRuns, StoredWorkflows
from flowc.server.workflows import Workflows


@dataclass(frozen=True)
class Parts:
    """The open parts of a running server."""

    process: Process
    isolation: Mapping[str, str]

    @property
    def store(self) -> StoredWorkflows:
        """The workflows that are kept."""
        return self.process.store

    @property
    def stored_runs(self) -> StoredRuns:
        """The runs that are kept."""
        return self.process.stored_runs

    @property
    def workflows(self) -> Workflows:
        """The workflows, compiled."""
        return self.process.workflows

    @property
    def schedules(self) -> Schedules:
        """The schedules by which runs are begun."""
        return self.process.schedules

    @property
    def runs(self) -> Runs:
        """The runs, begun and steered."""
        return self.process.runs


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


OpenParts = Annotated[Parts, Depends(_parts)]
