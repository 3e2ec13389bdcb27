"""Runs the processes that read documents, and receives what they find, piece by piece."""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from typing import Any

from flowc.rag.documents import DocumentRefused
from flowc.rag.reading.limits import ReadingLimits

_Frame = dict[str, Any]

_START = "import sys; sys.path[:] = {paths!r}; from flowc.rag.reading.worker import main; main()"
_BOOT_SECONDS = 60.0
# Longest time without a frame, in seconds, beyond the CPU time that a document may take.
_SILENCE = 120.0
_MAX_FRAME = 256 << 20
_KILLED = 1
_BY_MEMORY = 2


class ReadersUnavailable(Exception):
    """The process that reads documents did not start, or has ended; try again.

    The document is not the cause.
    """


class ReadingProcesses:
    """A few processes that read one document at a time each; they start when needed."""

    def __init__(self, count: int = 2, *, with_ocr: bool = False) -> None:
        self._free: list[_Process] = []
        self._slots = asyncio.Semaphore(count)
        self._with_ocr = with_ocr

    @asynccontextmanager
    async def reading(
        self, file: int, name: str, media_type: str | None, limits: ReadingLimits
    ) -> AsyncIterator[AsyncIterator[_Frame]]:
        """Have an open file read; yield its frames. The caller closes the file."""
        async with self._slots:
            request = {"name": name, "media_type": media_type, "limits": asdict(limits)}
            process, here = await self._ask(request, file)
            frames = process.frames(here, limits.seconds)
            try:
                yield frames
            finally:
                await frames.aclose()
                here.close()
                if process.is_free:
                    self._free.append(process)
                else:
                    await process.stop()

    async def _ask(self, request: _Frame, file: int) -> tuple["_Process", socket.socket]:
        while True:
            is_new = not self._free
            process = await _Process.start(self._with_ocr) if is_new else self._free.pop()
            try:
                return process, process.ask(request, file)
            except ReadersUnavailable:
                await process.stop()
                # An idle process may have ended, for lack of memory say: a new one is tried.
                if is_new:
                    raise

    async def aclose(self) -> None:
        """End the processes."""
        while self._free:
            await self._free.pop().stop()


class _Process:
    """One process, which forks a child for each document."""

    def __init__(self, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self._process, self._socket = process, ours
        self.is_free = True

    @classmethod
    async def start(cls, with_ocr: bool) -> "_Process":
        """Start a process; raise ReadersUnavailable."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                started = cls(await _spawn(theirs.fileno(), with_ocr), ours)
            except BaseException:
                ours.close()
                raise
        try:
            async with asyncio.timeout(_BOOT_SECONDS):
                await started.answer(1)
        except TimeoutError:
            await started.stop()
            message = "The process that reads documents does not start."
            raise ReadersUnavailable(message) from None
        except BaseException:
            await started.stop()
            raise
        return started

    def ask(self, request: _Frame, file: int) -> socket.socket:
        """Send a request with a file; return the socket that its frames come from."""
        self.is_free = False
        raw = json.dumps(request).encode()
        with _unavailable():
            # Not a pipe: uvloop closes its descriptor twice, when another thread may have it.
            here, there = socket.socketpair()
            with there:
                try:
                    socket.send_fds(self._socket, [raw], [file, there.fileno()])
                except BaseException:
                    here.close()
                    raise
        return here

    async def answer(self, size: int) -> bytes:
        """Return bytes that the process sends; raise ReadersUnavailable if it has ended."""
        with _unavailable():
            answer = await asyncio.get_running_loop().sock_recv(self._socket, size)
        if not answer:
            raise ReadersUnavailable("The process that reads documents has ended.")
        return answer

    async def frames(self, here: socket.socket, seconds: float) -> AsyncGenerator[_Frame]:
        """Yield the frames of the requested document; raise DocumentRefused."""
        reader, writer = await asyncio.open_unix_connection(sock=here, limit=1 << 18)
        try:
            async with asyncio.timeout(None) as patience:
                while True:
                    patience.reschedule(asyncio.get_running_loop().time() + seconds + _SILENCE)
                    frame = await _next_frame(reader)
                    if frame is None:
                        break
                    # The time that the caller takes for a frame does not count.
                    patience.reschedule(None)
                    yield frame
                how = await self.answer(2)
        except TimeoutError:
            message = "Reading the document took too long."
            raise DocumentRefused("document-too-slow", message) from None
        finally:
            writer.close()
        self.is_free = True
        _require_ended(how)

    async def stop(self) -> None:
        """End the process and its children."""
        self._socket.close()
        # The whole session, so that its child ends as well; both may have ended already.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


async def _spawn(server: int, with_ocr: bool) -> asyncio.subprocess.Process:
    """Start a process in its own session, without our environment."""
    start = _START.format(paths=[path for path in sys.path if path])
    with _unavailable():
        return await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", start, str(server), *(["--ocr"] if with_ocr else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            pass_fds=(server,),
            start_new_session=True,
        )  # fmt: skip


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn an OSError, which has nothing to do with a document, into ReadersUnavailable."""
    try:
        yield
    except OSError as problem:
        message = f"The process that reads documents cannot be used ({problem.strerror})."
        raise ReadersUnavailable(message) from problem


async def _next_frame(reader: asyncio.StreamReader) -> _Frame | None:
    try:
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        if size > _MAX_FRAME:
            return None
        frame: _Frame = json.loads(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return None
    return frame


def _require_ended(how: bytes) -> None:
    """Raise DocumentRefused unless the child ended by itself.

    `how` has two bytes: whether the child was killed, and the signal or exit status.
    """
    kind, number = how[0], how[1]
    if kind == _KILLED and number in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM):
        raise DocumentRefused("document-too-slow", "Reading the document took too long.")
    if kind == _KILLED or number == _BY_MEMORY:
        message = "Reading the document took too much memory."
        raise DocumentRefused("document-too-large", message)
    if number:
        raise DocumentRefused("broken-document", "The document cannot be read.")
