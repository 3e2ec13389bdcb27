"""The guard of outgoing connections: every given case, decided when the connection is opened."""

import asyncio
import json
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.loopback import Reply, serving
from flowc.nodes.services.egress import (
    EgressDenied,
    EgressPolicy,
    HttpClient,
    RequestFailed,
    ResponseTooLarge,
)
from flowc.nodes.services.egress.addresses import is_public
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport

CASES = json.loads((Path(__file__).parent / "cases" / "ssrf_cases.json").read_text())
OWN_ADDRESSES = ["93.184.215.99"]
DENIED = (EgressDenied, ResponseTooLarge, TimeoutError, RequestFailed)


class Dialled(httpcore.AsyncNetworkBackend):
    """In place of the network: records connections, and answers with given bytes."""

    def __init__(self, answers: dict[str, bytes], drip: float = 0.0) -> None:
        self.answers, self.drip = answers, drip
        self.dialled: list[tuple[str, int]] = []
        self.sent: list[bytes] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        return _Stream(self)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, network: Dialled) -> None:
        self.network, self.received, self.answer = network, b"", b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.received += buffer
        if b"\r\n\r\n" in self.received:
            self.network.sent.append(self.received)
            path = self.received.split(b" ")[1].decode()
            self.received = b""
            default = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            self.answer = self.network.answers.get(path, default)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.network.drip:
            await asyncio.sleep(self.network.drip)
            max_bytes = 1
        piece, self.answer = self.answer[:max_bytes], self.answer[max_bytes:]
        return piece

    async def aclose(self) -> None:
        return None

    async def start_tls(self, *args: Any, **kwargs: Any) -> "_Stream":
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


def _client(case: dict[str, Any], network: Dialled) -> HttpClient:
    known = {"internal.example.test": ["10.0.0.5"]}

    async def resolver(host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
        names = known.get(host) or case.get("resolves_to")
        if names is None:
            # As the system's resolver reads odd spellings; this needs no network.
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, flags=4)
            names = [str(entry[4][0]).split("%")[0] for entry in found]
        return [ip_address(name) for name in names]

    rules = case.get("policy", {})
    allow = {net: rules.get("allow_ports", {}).get(net, []) for net in rules.get("allow_nets", [])}
    policy = EgressPolicy.of_rules(
        allow, nat64=rules.get("nat64_ok", False), own_addresses=OWN_ADDRESSES
    )
    client = HttpClient(policy, resolver)
    backend = GuardedBackend(policy, resolver, network)
    client._requests._client._transport = GuardedTransport(backend)
    return client


def _network(case: dict[str, Any]) -> Dialled:
    answers: dict[str, bytes] = {}
    path = httpx.URL(case["url"]).path if case.get("location") else "/"
    if case.get("location"):
        head = f"HTTP/1.1 302 Found\r\nlocation: {case['location']}\r\ncontent-length: 0\r\n\r\n"
        answers[path] = head.encode()
    if case["kind"] == "big_body":
        answers["/"] = b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 9_000_000
    return Dialled(answers, drip=0.05 if case["kind"] == "drip" else 0.0)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
async def test_every_case(case: dict[str, Any]) -> None:
    network = _network(case)
    client = _client(case, network)
    headers = {"X-Api-Key": "mine"} if case["kind"] == "redirect_headers" else case.get("headers")

    async def call() -> None:
        await client.request(
            "GET", case["url"], headers=headers, max_redirects=3, deadline=0.5, max_bytes=1_000_000
        )

    if case["expected"] == "blocked":
        with pytest.raises(DENIED):
            await call()
        if case["kind"] == "url":
            assert network.dialled == []
    else:
        await call()
        assert network.dialled
    if case["kind"] == "redirect_headers":
        assert b"X-Api-Key: mine" in network.sent[0] or b"x-api-key" in network.sent[0].lower()
        assert b"x-api-key" not in network.sent[1].lower()
    await client.aclose()


@given(st.integers(0, 2**32 - 1))
def test_an_address_embedded_in_ipv6_is_no_more_public_than_itself(number: int) -> None:
    inner = IPv4Address(number)
    packed = inner.packed
    wrapped = [
        b"\0" * 10 + b"\xff\xff" + packed,
        b"\0" * 12 + packed,
        b"\0" * 8 + b"\xff\xff\0\0" + packed,
        b"\0\x64\xff\x9b" + b"\0" * 8 + packed,
        b"\x20\x02" + packed + b"\0" * 10,
        b"\x20\x01\0\0" + b"\0" * 8 + bytes(255 - b for b in packed),
        b"\x20\x01\x0d\xb8" + b"\0" * 4 + b"\0\0\x5e\xfe" + packed,
    ]
    for raw in wrapped:
        assert not is_public(IPv6Address(raw))
    assert is_public(IPv6Address(wrapped[3]), nat64=True) == is_public(inner)


async def test_this_machine_is_reached_only_if_the_operator_allows_it() -> None:
    with serving(lambda request: Reply(body=b"inner")) as server:
        client = HttpClient()
        with pytest.raises(EgressDenied, match="not allowed"):
            await client.request("GET", server.url)
        await client.aclose()
        allowed = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": [server.port]}))
        assert (await allowed.request("GET", server.url)).content == b"inner"
        other = EgressPolicy.of_rules({"127.0.0.1/32": [server.port + 1]})
        with pytest.raises(EgressDenied):
            await HttpClient(other).request("GET", server.url)
        await allowed.aclose()
    assert len(server.requests) == 1


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: Reply(body=b"proxied")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, server.url)
        client = HttpClient()
        with pytest.raises((EgressDenied, RequestFailed)):
            await client.request("GET", "http://192.168.7.7/", deadline=2)
        await client.aclose()
    assert server.requests == []


async def test_a_body_that_decompresses_beyond_the_limit_is_refused() -> None:
    import gzip

    packed = gzip.compress(b"0" * 20_000_000)
    headers = {"content-encoding": "gzip"}
    with serving(lambda request: Reply(200, packed, headers)) as server:
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
        with pytest.raises(ResponseTooLarge):
            await client.request("GET", server.url, max_bytes=1_000_000)
        await client.aclose()


async def test_one_deadline_applies_to_the_whole_call() -> None:
    def drip(stream: Any) -> None:
        for _ in range(40):
            try:
                stream.write(b".")
                stream.flush()
            except OSError:
                return
            time.sleep(0.1)

    with serving(lambda request: Reply(send=drip)) as server:
        client = HttpClient(EgressPolicy.of_rules({"127.0.0.1/32": []}))
        with pytest.raises(TimeoutError):
            await client.request("GET", server.url, deadline=0.5)
        await client.aclose()
