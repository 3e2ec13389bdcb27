"""Unique ids: random ones, and those of names."""

import binascii
import hashlib
import random
from typing import Any


class UUID:
    """An id of 128 bits."""

    def __init__(self, hex: Any = None, int: Any = None) -> None:
        if hex is None and int is None:
            raise TypeError("one of the hex or int arguments must be given")
        number = int
        if hex is not None:
            digits = str(hex).replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "")
            if len(digits) != 32:
                raise ValueError("badly formed hexadecimal UUID string")
            number = _number(digits)
        self.int = number
        self.hex = f"{number:032x}"
        kind = (number >> 76) & 15
        self.version = kind if (number >> 62) & 3 == 2 else None
        self.urn = "urn:uuid:" + str(self)

    def __str__(self) -> str:
        digits = self.hex
        parts = [digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]]
        return "-".join(parts)

    def __repr__(self) -> str:
        return f"UUID({str(self)!r})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, UUID) and self.int == other.int

    def __hash__(self) -> Any:
        return hash(self.int)


def _number(digits: str) -> int:
    return int(digits, 16)


def _marked(number: int, version: int) -> UUID:
    number = number & ~(0xC000 << 48) | (0x8000 << 48)
    return UUID(int=number & ~(0xF000 << 64) | (version << 76))


def uuid4() -> UUID:
    """Return a random id."""
    return _marked(random.getrandbits(128), 4)


def uuid3(namespace: UUID, name: str) -> UUID:
    """Return the id of a name, by MD5."""
    digest = hashlib.md5(_raw(namespace) + name.encode("utf-8")).hexdigest()
    return _marked(int(digest[:32], 16), 3)


def uuid5(namespace: UUID, name: str) -> UUID:
    """Return the id of a name, by SHA-1."""
    digest = hashlib.sha1(_raw(namespace) + name.encode("utf-8")).hexdigest()
    return _marked(int(digest[:32], 16), 5)


def _raw(namespace: UUID) -> bytes:
    return binascii.unhexlify(namespace.hex)


NAMESPACE_DNS = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
NAMESPACE_URL = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
NAMESPACE_OID = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
NAMESPACE_X500 = UUID("6ba7b814-9dad-11d1-80b4-00c04fd430c8")
