"""Searches databases, files and texts for secrets, in the encodings in which one may leak."""

import base64
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from flowc.server.store.archives import DICTIONARY

# Encodings within encodings are looked into so far.
_DEPTH = 3
_PACKED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x78\xbb", b"\x1f\x8b\x08")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
_LARGEST = 20_000_000


class Leak(NamedTuple):
    """Where a secret was found."""

    place: str
    how: str


class Scan:
    """Searches for secrets, and counts what it has looked at."""

    def __init__(self, *secrets: str) -> None:
        self._needles: dict[bytes, str] = {}
        for secret in secrets:
            for name, needle in _needles(secret.encode()):
                self._needles[needle] = name
        self._any = re.compile(b"|".join(map(re.escape, self._needles)))
        self.counts = dict.fromkeys(("tables", "columns", "values", "files", "bytes", "texts"), 0)

    def text(self, place: str, value: str) -> list[Leak]:
        """Search a text."""
        self.counts["texts"] += 1
        return self._search(place, value.encode("utf-8", "surrogatepass"))

    def files(self, *paths: Path) -> list[Leak]:
        """Search files, and all files in folders."""
        found: list[Leak] = []
        for path in paths:
            for file in [path] if path.is_file() else sorted(path.rglob("*")):
                if file.is_file():
                    self.counts["files"] += 1
                    found += self._search(str(file), file.read_bytes())
        return found

    def database(self, url: str) -> list[Leak]:
        """Search every column of every table."""
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                return list(self._tables(connection))
        finally:
            engine.dispose()

    def _tables(self, connection: sa.Connection) -> Iterator[Leak]:
        inspector = sa.inspect(connection)
        for schema in inspector.get_schema_names():
            if schema in {"information_schema", "pg_catalog"}:
                continue
            for table in inspector.get_table_names(schema):
                self.counts["tables"] += 1
                columns = [each["name"] for each in inspector.get_columns(table, schema)]
                self.counts["columns"] += len(columns)
                quoted = f'"{schema}"."{table}"'
                for row in connection.exec_driver_sql(f"select * from {quoted}"):
                    for column, value in zip(columns, row, strict=True):
                        yield from self._value(f"{table}.{column}", value)

    def _value(self, place: str, value: Any) -> list[Leak]:
        self.counts["values"] += 1
        if isinstance(value, memoryview | bytes):
            return self._search(place, bytes(value))
        return self._search(place, str(value).encode("utf-8", "surrogatepass"))

    def _search(self, place: str, data: bytes) -> list[Leak]:
        self.counts["bytes"] += len(data)
        return [Leak(place, how) for how in sorted(self._ways(data, "", _DEPTH))]

    def _ways(self, data: bytes, before: str, depth: int) -> set[str]:
        """Return how the secrets are written in some bytes."""
        found = {f"{before}{self._needles[each]}" for each in set(self._any.findall(data))}
        if depth > 0:
            for name, inner in _views(data):
                found |= self._ways(inner, f"{before}{name} > ", depth - 1)
        return found


def _needles(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield from (
        ("plain", raw),
        ("reversed", raw[::-1]),
        ("lower", raw.lower()),
        ("upper", raw.upper()),
    )
    yield from (("hex", raw.hex().encode()), ("HEX", raw.hex().upper().encode()))
    # A part that a filter cut off is a leak, too.
    yield from (("first half", raw[: len(raw) // 2]), ("second half", raw[len(raw) // 2 :]))
    text = raw.decode()
    yield from (("utf-16-le", text.encode("utf-16-le")), ("utf-16-be", text.encode("utf-16-be")))
    for shift in range(3):
        # Without the characters at the edges, which depend on the neighbours.
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")[4 * (shift > 0) : -2]
        yield f"base64+{shift}", encoded
        yield f"base64url+{shift}", encoded.replace(b"+", b"-").replace(b"/", b"_")


def _views(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is packed or encoded in some bytes, wherever it begins."""
    for mark in _PACKED:
        start = data.find(mark)
        while start >= 0:
            yield from _unpacked(data[start:])
            start = data.find(mark, start + 1)
    for each in _BASE64.findall(data):
        plain = each.replace(b"-", b"+").replace(b"_", b"/")
        # The bytes before it may be letters of base64, too.
        for start in range(4):
            part = plain[start:]
            with suppress(ValueError):
                yield "base64", base64.b64decode(part[: len(part) // 4 * 4])
    for each in _HEX.findall(data):
        yield "hex", bytes.fromhex(each.decode())


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    kinds: Mapping[str, Any] = {
        "zlib": zlib.decompressobj,
        "archive": lambda: zlib.decompressobj(zdict=DICTIONARY),
        "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    }
    for name, make in kinds.items():
        with suppress(zlib.error):
            inner = make().decompress(data, _LARGEST)
            if len(inner) > 8:
                yield name, inner


def planted(secret: str) -> dict[str, bytes]:
    """Return a secret in many forms, by how a scan names them, to test the scan itself."""
    raw = f"key={secret};".encode()
    return {
        "plain": raw,
        "zlib": zlib.compress(raw),
        "gzip": gzip.compress(raw),
        "base64": base64.b64encode(raw),
        "hex": raw.hex().encode(),
        "utf-16": secret.encode("utf-16"),
        "reversed": raw[::-1],
        "base64 of zlib": base64.b64encode(zlib.compress(raw * 3)),
        "gzip in other bytes": b"\0\1\2" + gzip.compress(base64.urlsafe_b64encode(raw)) + b"rest",
    }
