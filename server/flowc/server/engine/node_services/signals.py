"""Sends the signals of nodes: to the store, where waiting runs take them."""

import uuid
from typing import Any

from flowc.nodes.services.signals import Signals
from flowc.server.store.runs.steering import Steering


class StoredSignals(Signals):
    """The signals that nodes of a tenant's runs send."""

    def __init__(self, steering: Steering, tenant: str) -> None:
        self._steering, self._tenant = steering, tenant

    async def send(self, name: str, key: str, data: Any, *, id: str) -> None:
        """Send a signal; another call with the same id sends nothing."""
        # The id can be of any length; the store has short ones.
        short = uuid.uuid5(uuid.NAMESPACE_OID, id).hex
        await self._steering.send(self._tenant, short, name, key, data)
