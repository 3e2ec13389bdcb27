"""The worker process: loads what it needs, locks itself, then runs each code in a child process.

Requests and answers are frames: a length of four bytes, then JSON. Only the child runs foreign
code, and each child runs one code, so that nothing of one run is left for the next. The locks on
files and network are on the worker, and its children inherit them; those on system calls, memory
and time are on the child.
"""

import json
import os
import select
import signal
import socket  # noqa: F401 - loaded while files can still be read; the probe needs it
import struct
import time
from collections.abc import Callable
from typing import Any

import hardened  # type: ignore[import-not-found] # in the same folder
import locks  # type: ignore[import-not-found] # from flowc.rag, by the path

MAX_FRAME = 8 << 20
WorkerFrame = dict[str, Any]


def main() -> None:
    """Serve until the other side closes."""
    incoming, outgoing = os.dup(0), os.dup(1)
    _close_standard_streams()
    level: dict[str, Any] = {}
    hardened.prepare()
    lock_calls = locks.make_filter(level)
    locks.lock_network(level)
    locks.lock_files(level)
    _send(outgoing, {"ready": True, "level": level})
    while True:
        request = _receive(incoming)
        if request is None:
            os._exit(0)
        _send_raw(outgoing, _in_child(request, (incoming, outgoing), lock_calls))


def _close_standard_streams() -> None:
    """Point them at nothing: what foreign code prints must not look like a frame."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _in_child(
    request: WorkerFrame, pipes: tuple[int, int], lock_calls: Callable[[], None]
) -> bytes:
    read_end, write_end = os.pipe()
    # A fork of a process that has loaded everything starts in milliseconds.
    child = os.fork()
    if child == 0:
        for descriptor in (*pipes, read_end):
            os.close(descriptor)
        _run_child(request, write_end, lock_calls)
    os.close(write_end)
    raw, reason = _collect(read_end, child, request["wall_seconds"], request["max_bytes"])
    os.close(read_end)
    os.waitpid(child, 0)
    return raw if reason is None else _error(reason)


def _run_child(request: WorkerFrame, write_end: int, lock_calls: Callable[[], None]) -> None:
    try:
        locks.limit_resources(request["seconds"], request["memory"])
        lock_calls()
        if request.get("probe"):
            answer: WorkerFrame = {"ok": True, "result": locks.probe(), "stdout": ""}
        else:
            answer = hardened.run(request["code"], request["inputs"], request["call"])
        _send_raw(write_end, _encoded(answer, request["max_bytes"]))
    except MemoryError:
        _send_raw(write_end, _error("MemoryError"))
    except BaseException as problem:
        _send_raw(write_end, _error(type(problem).__name__))
    finally:
        # Without cleaning up: the worker's own objects are here only as copies.
        os._exit(0)


def _encoded(answer: WorkerFrame, limit: int) -> bytes:
    try:
        raw = json.dumps(answer, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        return _error("ResultNotJson")
    return raw if len(raw) <= limit else _error("ResultTooLarge")


def _error(kind: str) -> bytes:
    return json.dumps({"ok": False, "error": {"type": kind, "message": ""}, "stdout": ""}).encode()


def _collect(descriptor: int, child: int, seconds: float, limit: int) -> tuple[bytes, str | None]:
    """Read the child's frame; kill it if its time is over, or if it writes too much.

    Returns the content and None, or nothing and the reason. A child can be killed by the system,
    for its memory or a forbidden call: then its frame is incomplete.
    """
    end = time.monotonic() + seconds
    received = b""
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            os.kill(child, signal.SIGKILL)
            return b"", "WallTimeout"
        piece = os.read(descriptor, 65_536)
        if not piece:
            break
        received += piece
        if len(received) > limit + 4096:
            os.kill(child, signal.SIGKILL)
            return b"", "OutputFlood"
    whole = len(received) >= 4 and len(received) - 4 == struct.unpack(">I", received[:4])[0]
    return (received[4:], None) if whole else (b"", "Killed")


def _receive(descriptor: int) -> WorkerFrame | None:
    head = _read(descriptor, 4)
    if head is None:
        return None
    size = struct.unpack(">I", head)[0]
    raw = _read(descriptor, size) if size <= MAX_FRAME else None
    return json.loads(raw) if raw is not None else None


def _read(descriptor: int, size: int) -> bytes | None:
    received = b""
    while len(received) < size:
        piece = os.read(descriptor, size - len(received))
        if not piece:
            return None
        received += piece
    return received


def _send(descriptor: int, frame: WorkerFrame) -> None:
    _send_raw(descriptor, json.dumps(frame).encode())


def _send_raw(descriptor: int, raw: bytes) -> None:
    left = struct.pack(">I", len(raw)) + raw
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    main()
