"""Answers of models and of MCP servers are unpacked by us, up to a limit."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest

from fakes.flows import run
from fakes.loopback import Reply, Request, completion, serving, streamed
from fakes.models import ask, models_at
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import bounded_pools
from flowc.nodes.services.mcp import McpServer, McpServers

MEGABYTE = 1 << 20
LIMIT = 4 * MEGABYTE
SPACES = b" " * MEGABYTE


@pytest.fixture(autouse=True)
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_pools, "MAX_ANSWER_BYTES", LIMIT)


@pytest.fixture
async def little_memory() -> AsyncIterator[None]:
    """Require that what happens holds little at once of what is sent."""
    with serving(lambda request: completion("Paris.")) as server:
        # What is imported for the first call is not counted.
        await ask(models_at(server), prompt="Hi")
    tracemalloc.start()
    yield
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 * MEGABYTE


@cache
def bomb() -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return b"".join([*(packer.compress(SPACES) for _ in range(300)), packer.flush()])


def packed(reply: Reply) -> Reply:
    return Reply(
        reply.status, gzip.compress(reply.body), {**reply.headers, "content-encoding": "gzip"}
    )


JSON, EVENTS = {"content-type": "application/json"}, {"content-type": "text/event-stream"}
GZIP = {"content-encoding": "gzip"}
LONG_EVENT = Reply(200, b"data: " + SPACES * 5, EVENTS)
TOO_LARGE = [
    Reply(200, bomb(), JSON | GZIP),
    Reply(200, SPACES * 5, JSON),
    LONG_EVENT,
    Reply(200, bomb(), EVENTS | GZIP),
]
UNREADABLE = [
    Reply(200, gzip.compress(bomb()), JSON | {"content-encoding": "gzip, gzip"}),
    Reply(200, b"a", JSON | {"content-encoding": "br"}),
    Reply(200, b"a", JSON | {"content-encoding": "zstd"}),
    Reply(200, b"no gzip", JSON | GZIP),
]
BAD = [(reply, "response-too-large") for reply in TOO_LARGE] + [
    (reply, "response-unreadable") for reply in UNREADABLE
]


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("reply", "code"), BAD)
async def test_an_answer_of_a_model_is_bounded(reply: Reply, code: str, stream: bool) -> None:
    with serving(lambda request: reply) as server, pytest.raises(NodeFailed) as caught:
        await ask(models_at(server), prompt="Hi", stream=stream)
    assert caught.value.code == code
    # One attempt: another would get the same.
    assert len(server.requests) == 1
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


async def test_a_packed_answer_of_a_model_is_read() -> None:
    with serving(lambda request: packed(completion("Paris."))) as server:
        assert (await ask(models_at(server), prompt="Hi")).output["text"] == "Paris."


async def test_a_long_stream_of_short_events_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # A piece that is read at once has up to 65,536 bytes.
    monkeypatch.setattr(bounded_pools, "MAX_ANSWER_BYTES", 70_000)
    words = [f"{number} " for number in range(2_000)]
    with serving(lambda request: streamed(words)) as server:
        ran = await ask(models_at(server), prompt="Hi", stream=True)
    assert ran.output["text"] == "".join(words)


async def called(server_url: str) -> Any:
    servers = McpServers({"shop": McpServer(url=f"{server_url}/mcp")})
    config = {"server": "shop", "tool": "price"}
    return await run(
        {"nodes": [{"id": "shop", "type": "mcp", "config": config}]}, {}, {McpServers: servers}
    )


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    # Of an event that is not packed, the client itself reads a megabyte at most.
    ("reply", "code"),
    [each for each in BAD if each[0] is not LONG_EVENT],
)
async def test_an_answer_of_an_mcp_server_is_bounded(reply: Reply, code: str) -> None:
    with serving(lambda request: reply) as server, pytest.raises(NodeFailed) as caught:
        await called(server.url)
    assert caught.value.code == code


async def test_a_packed_answer_of_an_mcp_server_is_read() -> None:
    def answer(request: Request) -> Reply:
        asked = json.loads(request.body or b"{}")
        if request.method != "POST" or "id" not in asked:
            return Reply(202 if request.method == "POST" else 405)
        results = {
            "initialize": {
                "protocolVersion": asked.get("params", {}).get("protocolVersion", ""),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "shop", "version": "1"},
            },
            "tools/list": {"tools": [{"name": "price", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": "5 EUR"}]},
        }
        unknown = {"error": {"code": -32601, "message": "Method not found"}}
        found = {"result": results[asked["method"]]} if asked["method"] in results else unknown
        said = {"jsonrpc": "2.0", "id": asked["id"], **found}
        return packed(Reply(200, json.dumps(said).encode(), JSON))

    with serving(answer) as server:
        assert (await called(server.url)).output["text"] == "5 EUR"
