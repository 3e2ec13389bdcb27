"""Responses of model providers in their wire formats: OpenAI's, Anthropic's and Gemini's."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from fakes import loopback
from fakes.loopback import Reply, Request, Server, reply_json
from flowc.nodes.services.models import ModelAlias, Models

KEY = "sk-loopback-0123456789abcdef"
Calls = tuple[tuple[str, Any], ...]


def sse(events: Iterator[tuple[str | None, Any]], *, pause: float = 0.0) -> Reply:
    """Send events one after the other; bytes are sent unchanged."""

    def send(wire: Any) -> None:
        for kind, data in events:
            named = f"event: {kind}\n" if kind else ""
            text = data if isinstance(data, bytes) else json.dumps(data).encode()
            wire.write(named.encode() + b"data: " + text + b"\n\n")
            wire.flush()
            time.sleep(pause)

    return Reply(headers={"content-type": "text/event-stream"}, send=send)


@dataclass(frozen=True)
class Provider:
    """One wire format, and litellm's name of a model that uses it."""

    name: str = "openai"
    model: str = "openai/gpt-4"
    base: str = "/v1"

    def models(self, server: Server, **more: ModelAlias) -> Models:
        """Return models with the alias `m` for this server."""
        alias = ModelAlias(
            model=self.model, api_base=f"{server.url}{self.base}", api_key=SecretStr(KEY)
        )
        return Models({"m": alias, **more})

    def is_streamed(self, request: Request) -> bool:
        return bool(request.json.get("stream"))

    def text(self, text: str) -> Reply:
        return loopback.completion(text)

    def calls(self, *asked: tuple[str, Any]) -> Reply:
        return loopback.calls(*asked)

    def streamed(self, pieces: list[str], *, pause: float = 0.0, ends: bool = True) -> Reply:
        return loopback.streamed(pieces, pause=pause, ends=ends)

    def streamed_call(self, name: str, arguments: Any) -> Reply:
        text = json.dumps(arguments)
        first = {"index": 0, "id": "call_0", "type": "function"}
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "tool_calls": [{**first, "function": {"name": name, "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": text[:4]}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": text[4:]}}]},
        ]  # fmt: skip
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4"}
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
        events = [(None, {**head, "choices": [choice]}) for choice in choices]
        return sse(iter([*events, (None, b"[DONE]")]))

    def error(self, status: int, message: str, **headers: str) -> Reply:
        body = {"error": {"message": message, "type": "some_error", "code": None}}
        return reply_json(body, status, **headers)

    def overflow(self) -> Reply:
        message = "This model's maximum context length is 8192 tokens. However, your messages"
        code = "context_length_exceeded"
        return reply_json({"error": {"message": message, "code": code}}, 400)

    def results(self, request: Request) -> list[str]:
        """Return the results of calls in a request."""
        return [m["content"] for m in request.json["messages"] if m["role"] == "tool"]

    def key(self, request: Request) -> str:
        return request.headers["authorization"].removeprefix("Bearer ")


class Anthropic(Provider):
    def _message(self, content: list[Any], reason: str) -> dict[str, Any]:
        usage = {"input_tokens": 7, "output_tokens": 3}
        kind = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
        return {**kind, "content": content, "stop_reason": reason, "usage": usage}

    def text(self, text: str) -> Reply:
        return reply_json(self._message([{"type": "text", "text": text}], "end_turn"))

    def calls(self, *asked: tuple[str, Any]) -> Reply:
        content = [
            {"type": "tool_use", "id": f"call_{n}", "name": name, "input": given}
            for n, (name, given) in enumerate(asked)
        ]
        return reply_json(self._message(content, "tool_use"))

    def _events(
        self, block: Mapping[str, Any], deltas: list[Any], reason: str, *, ends: bool = True
    ) -> Iterator[tuple[str, Any]]:
        begun = {**self._message([], "end_turn"), "stop_reason": None}
        place = {"index": 0}
        yield "message_start", {"type": "message_start", "message": begun}
        yield (
            "content_block_start",
            {"type": "content_block_start", **place, "content_block": block},
        )
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", **place, "delta": delta}
        if ends:
            yield "content_block_stop", {"type": "content_block_stop", **place}
            last = {"delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}}
            yield "message_delta", {"type": "message_delta", **last}
            yield "message_stop", {"type": "message_stop"}

    def streamed(self, pieces: list[str], *, pause: float = 0.0, ends: bool = True) -> Reply:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        block = {"type": "text", "text": ""}
        return sse(self._events(block, deltas, "end_turn", ends=ends), pause=pause)

    def streamed_call(self, name: str, arguments: Any) -> Reply:
        text = json.dumps(arguments)
        parts = (text[:4], text[4:])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        block = {"type": "tool_use", "id": "call_0", "name": name, "input": {}}
        return sse(self._events(block, deltas, "tool_use"))

    def error(self, status: int, message: str, **headers: str) -> Reply:
        body = {"type": "error", "error": {"type": "some_error", "message": message}}
        return reply_json(body, status, **headers)

    def overflow(self) -> Reply:
        return self.error(400, "prompt is too long: 9000 tokens > 8192 maximum")

    def results(self, request: Request) -> list[str]:
        parts = [part for m in request.json["messages"] for part in m["content"]]
        found = [p["content"] for p in parts if p["type"] == "tool_result"]
        return [f if isinstance(f, str) else f[0]["text"] for f in found]

    def key(self, request: Request) -> str:
        return request.headers["x-api-key"]


class Gemini(Provider):
    def is_streamed(self, request: Request) -> bool:
        return "streamGenerateContent" in request.path

    def _candidate(self, parts: list[Any], reason: str | None) -> dict[str, Any]:
        candidate = {"index": 0, "content": {"role": "model", "parts": parts}}
        counts = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}
        ended = {"finishReason": reason} if reason else {}
        return {"candidates": [{**candidate, **ended}], "usageMetadata": counts}

    def text(self, text: str) -> Reply:
        return reply_json(self._candidate([{"text": text}], "STOP"))

    def calls(self, *asked: tuple[str, Any]) -> Reply:
        parts = [{"functionCall": {"name": name, "args": given}} for name, given in asked]
        return reply_json(self._candidate(parts, "STOP"))

    def streamed(self, pieces: list[str], *, pause: float = 0.0, ends: bool = True) -> Reply:
        last = len(pieces) - 1
        candidates = [
            self._candidate([{"text": piece}], "STOP" if n == last else None)
            for n, piece in enumerate(pieces)
        ]
        if ends:
            return sse(iter([(None, each) for each in candidates]), pause=pause)

        def send(wire: Any) -> None:
            # A chunked body without the last chunk.
            body = b"data: " + json.dumps(self._candidate([{"text": pieces[0]}], None)).encode()
            wire.write(f"{len(body) + 4:x}\r\n".encode() + body + b"\r\n\r\n" + b"\r\n")
            wire.flush()

        chunked = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        return Reply(headers=chunked, send=send)

    def streamed_call(self, name: str, arguments: Any) -> Reply:
        part = {"functionCall": {"name": name, "args": arguments}}
        return sse(iter([(None, self._candidate([part], "STOP"))]))

    def error(self, status: int, message: str, **headers: str) -> Reply:
        body = {"error": {"code": status, "message": message, "status": "SOME_ERROR"}}
        return reply_json(body, status, **headers)

    def overflow(self) -> Reply:
        message = (
            "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
        )
        return self.error(400, message)

    def results(self, request: Request) -> list[str]:
        parts = [part for content in request.json["contents"] for part in content["parts"]]
        found = [p["function_response"] for p in parts if "function_response" in p]
        found += [p["functionResponse"] for p in parts if "functionResponse" in p]
        return [f["response"].get("content", json.dumps(f["response"])) for f in found]

    def key(self, request: Request) -> str:
        return request.headers.get("x-goog-api-key") or request.path.rpartition("key=")[2]


PROVIDERS = (
    Provider(),
    Anthropic("anthropic", "anthropic/claude-sonnet-4-5", ""),
    Gemini("gemini", "gemini/gemini-2.5-flash", ""),
)
