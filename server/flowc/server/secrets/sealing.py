"""Seals secrets: what the database has of them is of no use without a key of the settings."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc.server.records.refused import Refused
from flowc.server.records.secrets import SealedText, SecretBindings, SecretText

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_ID_LENGTH = 12


class NoSealingKey(Refused):
    """The server has no key to seal secrets with: the operator can set FLOWC_SEALING_KEYS."""


class BadSealingKey(Exception):
    """A key is not 32 bytes in base64: `flowc secrets key` prints a new one."""


class CannotOpen(Exception):
    """A sealed secret cannot be opened: its key is not there, or it is not that of its row."""


class SecretPlace(NamedTuple):
    """The row of a sealed secret, which it says itself: moved to another row, it does not open."""

    tenant: str
    name: str
    version: int


class Seals:
    """Seals with the first of its keys, and opens with all of them.

    >>> seals = Seals([new_sealing_key()])
    >>> place = SecretPlace("default", "token", 1)
    >>> sealed = seals.seal(place, SecretText("sesame-42"))
    >>> seals.open(place, sealed.text).value
    'sesame-42'
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Raise BadSealingKey if a key is malformed."""
        self.keys = tuple(keys)
        self.ids = tuple(hashlib.sha256(key.encode()).hexdigest()[:_ID_LENGTH] for key in keys)
        if keys:
            self._fernet.__class__  # noqa: B018 - malformed keys are found now, not at first use

    def __bool__(self) -> bool:
        return bool(self.keys)

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self.ids[0]

    def seal(self, place: SecretPlace, secret: SecretText) -> SealedText:
        """Return a secret sealed for a row."""
        inside = [*place, *_plain(secret.bindings), secret.value]
        text = self._fernet.encrypt(json.dumps(inside).encode()).decode()
        return SealedText(self.newest, text)

    def open(self, place: SecretPlace, sealed: str) -> SecretText:
        """Return the secret that was sealed for a row; raise CannotOpen."""
        # Imported here: it takes time, and few runs read sealed secrets.
        from cryptography.fernet import InvalidToken  # noqa: PLC0415

        if not self.keys:
            raise CannotOpen
        try:
            inside = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise CannotOpen from None
        if inside[:3] != list(place):
            raise CannotOpen
        return SecretText(inside[5], SecretBindings(tuple(inside[3]), tuple(inside[4])))

    @cached_property
    def _fernet(self) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        try:
            return MultiFernet([Fernet(key.encode()) for key in self.keys])
        except ValueError:
            raise BadSealingKey from None


def new_sealing_key() -> str:
    """Return a new key."""
    from cryptography.fernet import Fernet  # noqa: PLC0415

    return Fernet.generate_key().decode()


def keys_in(file: Path) -> list[str]:
    """Return the keys in a file, one a line, the newest first; raise OSError."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _plain(bindings: SecretBindings) -> list[Any]:
    return [list(each) for each in bindings]
