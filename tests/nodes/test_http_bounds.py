"""Responses are bounded: their codings, charsets, headers, and the time they take."""

import codecs
import gzip
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.flows import Ran, run
from fakes.loopback import Reply, Server, serving
from flowc.compiler.node import NodeError
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.ai.messages import ChatMessage, as_sent
from flowc.nodes.outside.http_failures import retry_after
from flowc.nodes.services.calls import answers
from flowc.nodes.services.egress import (
    EgressPolicy,
    HttpClient,
    ResponseTooLarge,
    ResponseUnreadable,
)
from flowc.nodes.services.egress.charsets import _SAFE, charset_of, decoded
from flowc.nodes.services.knowledge.sources import Sources
from flowc.rag.documents import DocumentRefused
from flowc.rag.folders import Folders

LOOPBACK = EgressPolicy.of_rules({"127.0.0.1/32": []})
MEGABYTE = 1 << 20


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    found = HttpClient(LOOPBACK)
    yield found
    await found.aclose()


def packed(body: bytes, coding: str) -> Reply:
    return Reply(200, body, {"content-encoding": coding, "content-type": "text/plain"})


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


async def call(client: HttpClient, server: Server, **node: Any) -> Ran:
    config = {"url": server.url, **node.pop("config", {})}
    workflow = {"nodes": [{"id": "call", "type": "http", "config": config, **node}]}
    return await run(workflow, None, {HttpClient: client})


TEXT = b"a text " * 30_000


def zipped(content: bytes) -> bytes:
    """Return the content packed by gzip, without the time of packing: workers collect equal cases."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", zipped(TEXT)),
        ("x-gzip", zipped(TEXT)),
        ("GZIP", zipped(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
        ("identity", TEXT),
        ("gzip, identity", zipped(TEXT)),
        ("", TEXT),
        ("gzip", b""),
    ],
)
async def test_one_coding_is_unpacked(client: HttpClient, coding: str, body: bytes) -> None:
    with serving(lambda request: packed(body, coding)) as server:
        found = await client.request("GET", server.url)
    assert found.content == (TEXT if body else b"")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip", zipped(zipped(b"a"))),
        ("gzip, gzip, gzip", zipped(zipped(zipped(b"a")))),
        ("deflate,gzip", zipped(zlib.compress(b"a"))),
        ("identity, gzip, deflate", zlib.compress(zipped(b"a"))),
        ("br", b"a"),
        ("zstd", b"a"),
        ("x" * 1_000, b"a"),
        ("gzip", b"no gzip"),
        ("deflate", b"\xff" * 20),
        ("gzip", zipped(TEXT)[:-100] + b"?" * 100),
    ],
)
async def test_other_codings_are_failures_with_a_code(
    client: HttpClient, coding: str, body: bytes
) -> None:
    with serving(lambda request: packed(body, coding)) as server:
        with pytest.raises(ResponseUnreadable):
            await client.request("GET", server.url)
        on_error = {"on_error": {"output": {"body": "other"}}}
        assert (await call(client, server, **on_error)).output == {"body": "other"}
        with pytest.raises(NodeFailed) as caught:
            await call(client, server)
        assert caught.value.code == "response-unreadable"
        # One attempt: another would get the same.
        assert len(server.requests) == 3
        image = {"type": "image", "url": server.url}
        message = ChatMessage.model_validate({"content": [image]})
        with pytest.raises(NodeError) as refused:
            await as_sent([message], Ready(client))  # type: ignore[arg-type] # all that is asked
        assert refused.value.code == "response-unreadable"
        with pytest.raises(DocumentRefused, match="the response is"):
            await Sources(Folders([]), client).on_the_web(server.url)


class Ready:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def service(self, kind: type[Any]) -> HttpClient:
        return self._client


async def test_a_small_body_cannot_unpack_to_a_huge_one(client: HttpClient) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    zeros = b"\0" * MEGABYTE
    body = b"".join([*(packer.compress(zeros) for _ in range(300)), packer.flush()])
    with serving(lambda request: packed(body, "gzip")) as server:
        tracemalloc.start()
        with pytest.raises(ResponseTooLarge):
            await client.request("GET", server.url, max_bytes=MEGABYTE)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 20 * MEGABYTE


@pytest.mark.parametrize(
    "name",
    [
        "punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "rot13", "hex",
        "base64", "zlib", "bz2", "uu", "quopri", "utf-7", "unknown", "x" * 5_000, "é", "../x", "a b",
        "encodings.punycode", "", '"', "mbcs", "oem",
    ],
)  # fmt: skip
async def test_a_charset_that_is_not_safe_is_read_as_utf_8(client: HttpClient, name: str) -> None:
    kind = f"text/plain; charset={name}".encode().decode("latin-1")
    with serving(lambda request: Reply(200, "é\xff".encode(), {"content-type": kind})) as server:
        assert (await call(client, server)).output["body"] == "éÿ"


@pytest.mark.parametrize("charset", sorted(_SAFE))
def test_a_safe_charset_is_decoded_in_pieces_as_a_whole(charset: str) -> None:
    assert charset_of(f"text/html; charset={charset.upper()}; x=y") == charset
    assert codecs.lookup(charset).name == charset
    text = "one, two\n" * 20_000
    assert decoded(text.encode(charset), charset) == text


@given(
    st.binary(max_size=200), st.sampled_from(["utf-8", "shift_jis", "utf-16", "gb18030", "cp1252"])
)
def test_any_bytes_are_text(piece: bytes, charset: str) -> None:
    content = piece * 400
    found = decoded(content, charset)
    assert found in {
        content.decode(charset, errors="flowc-as-windows"),
        content.decode("cp1252", errors="flowc-as-windows"),
    }
    is_meant = "\ufffd" in content.decode(charset, errors="ignore")
    assert is_meant or "\ufffd" not in found


async def test_headers_are_limited(client: HttpClient) -> None:
    with serving(lambda request: Reply(headers={"x-much": "x" * 60_000})) as server:
        assert len((await call(client, server)).output["headers"]["x-much"]) == 60_000
    many = {f"x-{number}": "x" * 60_000 for number in range(4)}
    with (
        serving(lambda request: Reply(headers=many)) as server,
        pytest.raises(NodeFailed) as caught,
    ):
        await call(client, server)
    assert caught.value.code == "connection-failed"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-city": "Zürich"},
        {"x-city": "北京"},
        {"x": "a\r\nb: c"},
        {"x": "a\nb"},
        {"x": "\x7f"},
        {"": "a"},
        {"a b": "c"},
        {"ü": "c"},
        {"host": "evil.example"},
        {"x": "a" * 70_000},
    ],
)
async def test_a_header_that_cannot_be_sent_is_a_failure_of_the_node(
    client: HttpClient, headers: dict[str, str]
) -> None:
    with serving(lambda request: Reply()) as server:
        with pytest.raises(NodeFailed) as caught:
            await call(client, server, config={"headers": headers})
        assert caught.value.code == "invalid-header"
        assert server.requests == []


async def test_the_time_limit_is_also_one_for_reading_the_response(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    monkeypatch.setattr(answers, "read_answer", lambda response, read_as: stuck.wait(60))
    with serving(lambda request: Reply(200, TEXT)) as server, pytest.raises(NodeFailed) as caught:
        await call(client, server, config={"timeout": 0.2})
    stuck.set()
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    "value", ["²", "٣", "-1", "", "1e5", "x" * 100_000, "Mon, 01 Jan 0001 00:00:00 +2359", "Mon"]
)
async def test_a_retry_after_that_says_nothing_is_passed_over(value: str) -> None:
    assert retry_after(value) in {None, 0.0}
