"""Services elsewhere that do the work of registered node types, as nodes call them."""

from collections.abc import Mapping
from typing import NamedTuple


class SignedCall(NamedTuple):
    """Where a call goes, with the headers that sign it; `timeout` is in seconds."""

    url: str
    headers: Mapping[str, str]
    timeout: float


class RemoteSteps:
    """The node types that a tenant has registered, as they are now."""

    async def signed(self, name: str, id: str, body: str) -> SignedCall:
        """Return the call of a type with this body, signed.

        Another call with the same `id` is the same one, sent again. Raises NodeError if the type is
        not registered any more, or its secret is not set.
        """
        raise NotImplementedError
