"""The process that reads documents; it locks itself, then forks a child for each document.

A request is one message over a socket: JSON, with two descriptors, of the file and of a socket for
the answer. The answer is a sequence of frames, each a length of four bytes and JSON. Whatever a
document does to its child ends with the child.
"""

import array
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

from flowc.rag.confinement import locks
from flowc.rag.documents import DocumentRefused, Section
from flowc.rag.reading.formats import FORMATS
from flowc.rag.reading.limits import ReadingLimits
from flowc.rag.reading.parsing import Request, parse

MAX_REQUEST = 1 << 16
# A frame of sections ends when it has more characters than this.
FRAME = 1 << 16
ENDED, KILLED = 0, 1


def main() -> None:
    """Serve one request after the other, until the other side closes the socket."""
    server = socket.socket(fileno=int(sys.argv[1]))
    recogniser = _recogniser() if "--ocr" in sys.argv else None
    _import_all()
    level: dict[str, Any] = {}
    # OCR starts threads, which the filter of system calls does not allow.
    lock_calls = locks.make_filter(level) if recogniser is None else lambda: None
    locks.lock_network(level)
    locks.lock_files(level)
    # Children share this memory with their parent, as long as no collection touches it.
    gc.freeze()
    server.sendall(b"\0")
    while True:
        raw, descriptors = _receive(server)
        if not raw:
            os._exit(0)
        server.sendall(_in_child(server, raw, descriptors, lock_calls, recogniser))


def _import_all() -> None:
    """Import what libraries import only at first use: no file can be opened by then."""
    for name in (name for format in FORMATS for name in format.late_imports):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                with suppress(ImportError):
                    importlib.import_module(module.name)


def _recogniser() -> Any:
    from flowc.rag.reading.ocr import Recogniser  # noqa: PLC0415 - needs the extra for OCR

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
    recogniser: Any,
) -> bytes:
    """Read one document in a child; return how the child ended, in two bytes."""
    child = os.fork()
    if child == 0:
        server.close()
        _read_in_child(raw, descriptors, lock_calls, recogniser)
    for descriptor in descriptors:
        os.close(descriptor)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return bytes((KILLED, os.WTERMSIG(status)))
    return bytes((ENDED, os.WEXITSTATUS(status)))


def _read_in_child(
    raw: bytes, descriptors: list[int], lock_calls: Callable[[], None], recogniser: Any
) -> None:
    # The child ends when the answer is no longer read.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    source, out = descriptors
    status = 1
    try:
        request = _request(raw)
        _limit(request.limits)
        lock_calls()
        with os.fdopen(source, "rb", buffering=1 << 16) as file:
            _send_frames(file, out, request, recogniser)
        status = 0
    except MemoryError:
        status = 2
    finally:
        os._exit(status)


def _send_frames(file: BinaryIO, out: int, request: Request, recogniser: Any) -> None:
    """Send frames of sections, of metadata, and at the end either `ended` or `refused`."""
    waiting: list[Any] = []
    size = 0
    try:
        total = os.fstat(file.fileno()).st_size
        for found in parse(file, total, request, recogniser):
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
    # Libraries that read archives duplicate descriptors.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _send(out: int, frame: Any) -> None:
    raw = json.dumps(frame, default=str).encode(errors="replace")
    left = memoryview(struct.pack(">I", len(raw)) + raw)
    while left:
        left = left[os.write(out, left) :]


if __name__ == "__main__":
    main()
