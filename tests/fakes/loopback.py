"""Real HTTP servers on loopback, and replies in OpenAI's wire format."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    send: Callable[[Any], None] | None = None


@dataclass
class Server:
    port: int
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def serving(
    answer: Callable[[Request], Reply], tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve on a free port, and record the `requests`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            request = Request(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            server.requests.append(request)
            reply = answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.send is None:
                self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            if reply.send is not None:
                self.close_connection = True
                reply.send(self.wfile)
            else:
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Print nothing if a client closes the connection: some tests do so."""

    httpd = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        # Each connection shakes hands in its own thread, when it is first read.
        httpd.socket = tls.wrap_socket(
            httpd.socket, server_side=True, do_handshake_on_connect=False
        )
    server = Server(httpd.server_address[1], "http" if tls is None else "https")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def endless(hung_up: list[bool]) -> Reply:
    """Send a stream without text for seconds, and record if the client closes the connection."""

    def send(wire: Any) -> None:
        try:
            for _ in range(200):
                wire.write(b": still here\n\n")
                wire.flush()
                time.sleep(0.05)
        except OSError:
            hung_up.append(True)

    return Reply(headers={"content-type": "text/event-stream"}, send=send)


def reply_json(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return a reply with JSON."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


def calls(*asked: tuple[str, Any], text: str | None = None) -> Reply:
    """Return a reply that requests calls of tools; arguments that are texts are sent unchanged."""
    tool_calls = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for number, (name, given) in enumerate(asked)
    ]
    reply = json.loads(completion("").body)
    message = {"role": "assistant", "content": text, "tool_calls": tool_calls}
    reply["choices"] = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return reply_json(reply)


def completion(text: str, model: str = "gpt-4", prompt: int = 7, answer: int = 3) -> Reply:
    """Return a reply with an answer, as OpenAI's chat completions have it."""
    return reply_json(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": answer,
                "total_tokens": prompt + answer,
            },
        }
    )


def streamed(
    pieces: list[str], *, pause: float = 0.0, ends: bool = True, model: str = "gpt-4"
) -> Reply:
    """Return a reply that streams an answer as OpenAI does; it breaks off unless it `ends`."""

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
        return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode()

    def send(wire: Any) -> None:
        for piece in pieces:
            wire.write(event({"role": "assistant", "content": piece}))
            wire.flush()
            time.sleep(pause)
        if ends:
            counts = {"prompt_tokens": 7, "completion_tokens": len(pieces)}
            details = {"prompt_tokens_details": {"cached_tokens": 4}}
            usage = {**counts, **details, "total_tokens": 7 + len(pieces)}
            last = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
            wire.write(event({}, "stop"))
            wire.write(f"data: {json.dumps({**last, 'choices': [], 'usage': usage})}\n\n".encode())
            wire.write(b"data: [DONE]\n\n")
            wire.flush()

    return Reply(headers={"content-type": "text/event-stream"}, send=send)
