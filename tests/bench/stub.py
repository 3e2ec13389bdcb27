"""A server in a process of its own, whose answers cost little: `python -m bench.stub PORT`.

POST answers as OpenAI's chat completions do, GET with a small JSON object; a path that begins with
`/after/50` answers after 50 milliseconds. Unlike `model_server`, it takes little of the CPU that the
measured servers need.
"""

import asyncio
import re
import sys
from typing import cast

from fakes.loopback import completion

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
AFTER = re.compile(rb"[A-Z]+ /after/(\d+)")


def _reply(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


COMPLETION = _reply(completion("Paris is the capital of France.").body)
SMALL = _reply(b'{"ok":true}')


class Answering(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not end or len(rest) < size:
            return
        # A client sends its next request after the answer, so nothing follows the body.
        self.received = b""
        reply = SMALL if head.startswith(b"GET") else COMPLETION
        delay = AFTER.match(head)
        if delay is None:
            self._send(reply)
        else:
            asyncio.get_running_loop().call_later(int(delay[1]) / 1e3, self._send, reply)

    def _send(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
