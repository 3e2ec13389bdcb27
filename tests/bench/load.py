"""Sends HTTP requests from a process of its own, so that the cost of clients is not measured.

`python -m bench.load` reads one job a line as JSON, and writes its result, or the `problem`, as a
line of JSON.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Job:
    """Requests to send: by how many clients at once, and what each answer must contain."""

    port: int
    path: str
    body: str
    proof: str
    requests: int
    clients: int = 1
    # Seconds that each client waits between two requests.
    pause: float = 0.0


@dataclass(frozen=True)
class Sent:
    """The result of a job: seconds for all and for each, and the bytes of an answer.

    With a pause between requests, it also has the whole answers, so that the runs can be looked at.
    """

    seconds: float
    latencies: list[float]
    bytes: int
    answers: list[str]


class Unexpected(Exception):
    """A server gave another answer than the job expects."""


class Client:
    """One connection, over which requests follow each other."""

    def __init__(self, job: Job, sent: Sent) -> None:
        self.job, self.sent = job, sent
        body = job.body.encode()
        head = (
            f"POST {job.path} HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.request = head.encode() + body

    async def send(self, turns: "Turns") -> int:
        """Send requests until no turn is left; return the bytes of the last answer."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.job.port)
        size = 0
        try:
            while turns.take():
                started = time.perf_counter()
                size = await self._exchange()
                self.sent.latencies.append(time.perf_counter() - started)
                await asyncio.sleep(self.job.pause)
        finally:
            self.writer.close()
        return size

    async def _exchange(self) -> int:
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1]) if length else 0)
        if not head.startswith((b"HTTP/1.1 2",)) or self.job.proof.encode() not in body:
            raise Unexpected(f"{self.job.path}: {(head + body)[:2000].decode()}")
        if self.job.pause:
            self.sent.answers.append(body.decode())
        return len(body)


@dataclass
class Turns:
    """How many requests are left to send."""

    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


async def send(job: Job) -> Sent:
    sent, turns = Sent(0.0, [], 0, []), Turns(job.requests)
    started = time.perf_counter()
    sizes = await asyncio.gather(*(Client(job, sent).send(turns) for _ in range(job.clients)))
    seconds = time.perf_counter() - started
    return Sent(seconds, sent.latencies, max(sizes), sent.answers)


def main() -> None:
    for line in sys.stdin:
        try:
            result = asdict(asyncio.run(send(Job(**json.loads(line)))))
        except (Unexpected, OSError, EOFError) as problem:
            result = {"problem": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
