"""What a client says of itself and its request, which the first event of the run keeps."""

from collections.abc import Mapping
from typing import NamedTuple

from flowc.compiler.running.event_data import RunCreatedData


class Sender(NamedTuple):
    """Who asks, and the client's own data."""

    user: str | None = None
    metadata: Mapping[str, str] | None = None

    def created(self, priority: int) -> RunCreatedData:
        """Return the data of a run's first event."""
        data: RunCreatedData = {"priority": priority}
        if self.user is not None:
            data["user"] = self.user
        if self.metadata:
            data["metadata"] = dict(self.metadata)
        return data


UNNAMED = Sender()
