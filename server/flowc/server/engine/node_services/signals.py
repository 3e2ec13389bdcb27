"""Where do the signals go that nodes send? To the store; the runs that wait take them there."""

import uuid
from typing import Any

from flowc.nodes.services.signals import Signals
from flowc.server.store.runs.steering import Steering


class StoredSignals(Signals):
    """The signals that nodes of a tenant's runs send."""

    def __init__(self, steering: Steering, tenant: str) -> None:
        self._steering, self._tenant = steering, tenant

    async def send(self, name: str, key: str, data: Any, *, id: str) -> None:
        """Send a signal once, however often this is said with the same id."""
        # Any text can be an id; the store keeps a short one.
        short = uuid.uuid5(uuid.NAMESPACE_OID, id).hex
        await self._steering.send(self._tenant, short, name, key, data)
