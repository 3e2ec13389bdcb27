"""How is a document read in a process of its own, as it comes, and in little memory?"""

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
# Beyond what a document may take of the CPU: how long nothing may be heard of it.
_SILENCE = 120.0
_MAX_FRAME = 256 << 20
_KILLED = 1
_BY_MEMORY = 2


class ReadersUnavailable(Exception):
    """Whoever reads documents where the reading process does not start, or ends, meets this.

    It says nothing of the document.
    """


class ReadingProcesses:
    """A few processes, each reading one document at a time; they start when they are needed."""

    def __init__(self, count: int = 2, *, with_ocr: bool = False) -> None:
        self._free: list[_Process] = []
        self._slots = asyncio.Semaphore(count)
        self._with_ocr = with_ocr

    @asynccontextmanager
    async def reading(
        self, file: int, name: str, media_type: str | None, limits: ReadingLimits
    ) -> AsyncIterator[AsyncIterator[_Frame]]:
        """Give the frames that come of an open file; it is closed by whoever opened it."""
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
                # One that ended while nobody needed it is nobody's trouble.
                if is_new:
                    raise

    async def aclose(self) -> None:
        """End the processes."""
        while self._free:
            await self._free.pop().stop()


class _Process:
    """One process, which forks for each document."""

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
        """Have a file read; return where its frames come."""
        self.is_free = False
        raw = json.dumps(request).encode()
        with _unavailable():
            # No pipe: uvloop closes its descriptor twice, which may be another thread's by then.
            here, there = socket.socketpair()
            with there:
                try:
                    socket.send_fds(self._socket, [raw], [file, there.fileno()])
                except BaseException:
                    here.close()
                    raise
        return here

    async def answer(self, size: int) -> bytes:
        """Return what the process says; raise ReadersUnavailable if it is gone."""
        with _unavailable():
            said = await asyncio.get_running_loop().sock_recv(self._socket, size)
        if not said:
            raise ReadersUnavailable("The process that reads documents is gone.")
        return said

    async def frames(self, here: socket.socket, seconds: float) -> AsyncGenerator[_Frame]:
        """Give the frames of the document that was asked for."""
        reader, writer = await asyncio.open_unix_connection(sock=here, limit=1 << 18)
        try:
            async with asyncio.timeout(None) as patience:
                while True:
                    patience.reschedule(asyncio.get_running_loop().time() + seconds + _SILENCE)
                    frame = await _next_frame(reader)
                    if frame is None:
                        break
                    patience.reschedule(None)
                    yield frame
                how = await self.answer(2)
        except TimeoutError:
            message = "The document took too long to be read."
            raise DocumentRefused("document-too-slow", message) from None
        finally:
            writer.close()
        self.is_free = True
        _require_ended(how)

    async def stop(self) -> None:
        """End the process, and what it has forked."""
        self._socket.close()
        # Its session, so that a child of it ends as well; either may be gone by now.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


async def _spawn(server: int, with_ocr: bool) -> asyncio.subprocess.Process:
    """Start a process with nothing of ours but the libraries: no environment, its own session."""
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
    """Tell what the system refuses apart from what is wrong with a document."""
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
    """Raise DocumentRefused unless the document was read to its end, or refused in a frame."""
    kind, number = how[0], how[1]
    if kind == _KILLED and number in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM):
        raise DocumentRefused("document-too-slow", "The document took too long to be read.")
    if kind == _KILLED or number == _BY_MEMORY:
        message = "Reading the document took more memory than it may."
        raise DocumentRefused("document-too-large", message)
    if number:
        raise DocumentRefused("broken-document", "The document cannot be read.")
