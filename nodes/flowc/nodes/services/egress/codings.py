"""Reads the body of a response, and unpacks it piece by piece, up to a limit."""

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping

import httpx

from flowc.nodes.services.egress.client import ResponseTooLarge, ResponseUnreadable

# What requests ask for.
CODINGS = "gzip, deflate"
# The value says to zlib which header to expect.
_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_PIECE = 65_536
# A piece of fewer bytes is unpacked in a millisecond, to at most a thousand times its size.
_QUICK = 1_024


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Return the body without its content coding.

    Raises ResponseTooLarge beyond the limit, and ResponseUnreadable for a body in two codings or
    more, which can be a few bytes for many gigabytes, or in one that was not asked for.
    """
    content = bytearray()
    async for piece in unpacked(response.aiter_raw(_PIECE), coding_of(response.headers), limit):
        content += piece
    return bytes(content)


async def unpacked(
    pieces: AsyncIterable[bytes], coding: str, limit: int, *, is_by_line: bool = False
) -> AsyncIterator[bytes]:
    """Yield the pieces of a body without its content coding; raise what `read_body` raises.

    If it `is_by_line`, as a stream of events is, each line may be as large as the limit.
    """
    unpacker, is_begun, size = None, False, 0
    async for piece in pieces:
        if not piece:
            continue
        if not is_begun:
            unpacker, is_begun = _unpacker(coding), True
        found = await _unpacked(unpacker, piece, limit + 1 - size)
        size += len(found)
        if size > limit:
            raise ResponseTooLarge(f"the response is larger than {limit:,} bytes")
        yield found
        if is_by_line and (line := found.rfind(b"\n")) >= 0:
            size = len(found) - line


def coding_of(headers: Mapping[str, str]) -> str:
    """Return the content coding of a response."""
    return headers.get("content-encoding", "")


class _Unpacker:
    """Unpacks one coding; of `deflate`, there are two kinds."""

    def __init__(self, coding: str) -> None:
        self._coding, self._is_first = coding, True
        self._zlib = zlib.decompressobj(_WINDOW[coding])

    def unpack(self, piece: bytes, most: int) -> bytes:
        """Return what a piece unpacks to, up to a number of bytes."""
        is_first, self._is_first = self._is_first, False
        try:
            return self._zlib.decompress(piece, most)
        except zlib.error as problem:
            if not is_first or self._coding != "deflate":
                raise ResponseUnreadable(f"the response is not {self._coding}") from problem
        # Some servers leave the header out.
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        return self.unpack(piece, most)


def _unpacker(coding: str) -> _Unpacker | None:
    names = [name.strip().lower() for name in coding.split(",")]
    codings = [name for name in names if name not in {"", "identity"}]
    if not codings:
        return None
    if len(codings) > 1:
        raise ResponseUnreadable(f"the response is packed {len(codings)} times; once is allowed")
    if codings[0] not in _WINDOW:
        raise ResponseUnreadable(f"the response is packed as {codings[0][:40]!r}")
    return _Unpacker(codings[0])


async def _unpacked(unpacker: _Unpacker | None, piece: bytes, most: int) -> bytes:
    if unpacker is None:
        return piece
    if len(piece) < _QUICK:
        return unpacker.unpack(piece, most)
    return await asyncio.to_thread(unpacker.unpack, piece, most)
