"""The process that reads documents: brings in the libraries, locks itself, then forks for each one.

A request is one message over a socket: JSON, and with it the file and a socket for what is found.
Frames in that are a length of four bytes and JSON. What a document does to its process is over
with it.
"""

import array
import email
import encodings
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

import docx
import pptx
import pypdf

from flowc.rag.confinement import locks
from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.parsing import Request, parse

MAX_REQUEST = 1 << 16
# More sections than these are said at once.
FRAME = 1 << 16
_IMPORTED_LATE = (encodings, email, pypdf, docx, pptx)
ENDED, KILLED = 0, 1


def main() -> None:
    """Serve one request after the other, until the other side closes."""
    server = socket.socket(fileno=int(sys.argv[1]))
    recognise = _recogniser() if "--ocr" in sys.argv else None
    _bring_in()
    level: dict[str, Any] = {}
    # Threads, which recognition needs, are among the calls that are not allowed.
    lock_calls = locks.make_filter(level) if recognise is None else lambda: None
    locks.lock_network(level)
    locks.lock_files(level)
    gc.freeze()
    server.sendall(b"\0")
    while True:
        raw, descriptors = _receive(server)
        if not raw:
            os._exit(0)
        server.sendall(_in_child(server, raw, descriptors, lock_calls, recognise))


def _bring_in() -> None:
    """Import what libraries would import when they first need it: no file can be opened then."""
    for package in _IMPORTED_LATE:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                with suppress(ImportError):
                    importlib.import_module(module.name)


def _recogniser() -> Any:
    from flowc.rag.reading.ocr import Recogniser  # noqa: PLC0415 - only where it is wanted

    return Recogniser()


def _receive(server: socket.socket) -> tuple[bytes, list[int]]:
    room = socket.CMSG_SPACE(2 * array.array("i").itemsize)
    raw, ancillary, _, _ = server.recvmsg(MAX_REQUEST, room)
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return raw, list(descriptors)


def _in_child(
    server: socket.socket,
    raw: bytes,
    descriptors: list[int],
    lock_calls: Callable[[], None],
    recognise: Any,
) -> bytes:
    """Read one document in a child; return how it ended, in two bytes."""
    child = os.fork()
    if child == 0:
        server.close()
        _read_in_child(raw, descriptors, lock_calls, recognise)
    for descriptor in descriptors:
        os.close(descriptor)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return bytes((KILLED, os.WTERMSIG(status)))
    return bytes((ENDED, os.WEXITSTATUS(status)))


def _read_in_child(
    raw: bytes, descriptors: list[int], lock_calls: Callable[[], None], recognise: Any
) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    source, out = descriptors
    status = 1
    try:
        request = _request(raw)
        _limit(request.limits)
        lock_calls()
        with os.fdopen(source, "rb", buffering=1 << 16) as file:
            _tell_all(file, out, request, recognise)
        status = 0
    except MemoryError:
        status = 2
    finally:
        os._exit(status)


def _tell_all(file: BinaryIO, out: int, request: Request, recognise: Any) -> None:
    """Write frames: lists of sections, what the document says of itself, or why it is refused."""
    waiting: list[Any] = []
    size = 0
    try:
        total = os.fstat(file.fileno()).st_size
        for found in parse(file, total, request, recognise):
            if isinstance(found, Section):
                waiting.append((found.text, found.page, found.headings))
                size += len(found.text)
            elif found:
                _send(out, {"metadata": found})
            if size > FRAME:
                _send(out, {"sections": waiting})
                waiting, size = [], 0
        if waiting:
            _send(out, {"sections": waiting})
        _send(out, {"ended": True})
    except DocumentRefused as refused:
        _send(out, {"refused": [refused.code, refused.message]})


def _request(raw: bytes) -> Request:
    data = json.loads(raw)
    return Request(data["name"], data["media_type"], ReadingLimits(**data["limits"]))


def _limit(limits: ReadingLimits) -> None:
    locks.limit_resources(limits.seconds, limits.memory)
    # Copies of descriptors are made by libraries that read archives.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _send(out: int, frame: Any) -> None:
    raw = json.dumps(frame, default=str).encode(errors="replace")
    left = memoryview(struct.pack(">I", len(raw)) + raw)
    while left:
        left = left[os.write(out, left) :]


if __name__ == "__main__":
    main()
