"""Sets and rotates the sealed secrets of a tenant."""

from typing import NamedTuple

from flowc.server.records.secrets import SealedText, SecretRecord, SecretText
from flowc.server.secrets.sealing import CannotOpen, NoSealingKey, Seals, SecretPlace
from flowc.server.store.secrets import StoredSecrets

# As many are sealed between two looks, so that a rotation holds up no one who writes.
_TOGETHER = 100


class Rotation(NamedTuple):
    """How many secrets a rotation sealed again, and how many others are left under old keys."""

    resealed: int
    remaining: int


class SecretKeeper:
    """Sets and rotates the sealed secrets of one tenant; raises NoSealingKey without a key."""

    def __init__(self, seals: Seals, stored: StoredSecrets) -> None:
        self._seals, self.stored = seals, stored

    async def set(self, name: str, secret: SecretText, by: str) -> SecretRecord:
        """Seal a secret and store it."""
        self._require_key()

        def seal(version: int) -> SealedText:
            return self._seals.seal(SecretPlace(self.stored.tenant, name, version), secret)

        return await self.stored.put(name, seal, secret.bindings, by)

    async def rotate(self) -> Rotation:
        """Seal all secrets with the newest key that another key has sealed."""
        self._require_key()
        after, resealed = "", 0
        newest = self._seals.newest
        while found := await self.stored.sealed_by_others(newest, after, _TOGETHER):
            for name, version, text in found:
                resealed += await self._resealed(
                    SecretPlace(self.stored.tenant, name, version), text
                )
            after = found[-1][0]
        return Rotation(resealed, await self.stored.count_sealed_by_others(newest))

    def _require_key(self) -> None:
        if not self._seals:
            raise NoSealingKey

    async def _resealed(self, place: SecretPlace, text: str) -> bool:
        try:
            sealed = self._seals.seal(place, self._seals.open(place, text))
        except CannotOpen:
            return False
        return await self.stored.reseal(place.name, text, sealed)
