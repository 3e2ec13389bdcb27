"""Reads the body of a response, and unpacks it piece by piece, up to a limit."""

import asyncio
import zlib
from collections.abc import Mapping

import httpx

from flowc.nodes.services.egress.client import ResponseTooLarge, ResponseUnreadable

# The codings that requests ask for; the value says to zlib which header to expect.
_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_PIECE = 65_536
# A piece of fewer bytes is unpacked in a millisecond, to at most a thousand times its size.
_QUICK = 1_024


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Return the body without its content coding.

    Raises ResponseTooLarge beyond the limit, and ResponseUnreadable for a body in two codings or
    more, which can be a few bytes for many gigabytes, or in one that was not asked for.
    """
    content, unpacker = bytearray(), None
    async for piece in response.aiter_raw(_PIECE):
        if not piece:
            continue
        if not content and unpacker is None:
            unpacker = _unpacker(response.headers)
        content += await _unpacked(unpacker, piece, limit + 1 - len(content))
        if len(content) > limit:
            raise ResponseTooLarge(f"the response is larger than {limit:,} bytes")
    return bytes(content)


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


def _unpacker(headers: Mapping[str, str]) -> _Unpacker | None:
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
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
