"""A secret that is bound to hosts reaches no other, by any node that takes one."""

from collections.abc import Iterator
from typing import Any

import pytest

from fakes.flows import Ran, run
from fakes.loopback import Reply, Request, Server, reply_json, serving
from flowc.compiler.running.run_context import NodeFailed, RunSecret
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.mcp import McpServers

LOOPBACK = EgressPolicy.of_rules({"127.0.0.1/32": [], "::1/128": []})
TOKEN = "tok-CANARY-123456"


def lookup(*hosts: str) -> Any:
    async def secret(name: str, workflow_id: str | None) -> RunSecret | None:
        return RunSecret(TOKEN, hosts)

    return secret


async def ran(node: dict[str, Any], *hosts: str) -> Ran:
    client = HttpClient(LOOPBACK)
    services = {HttpClient: client, McpServers: McpServers(policy=LOOPBACK)}
    try:
        fields = {"secret": lookup(*hosts), "max_steps": 10}
        return await run({"nodes": [{"id": "n", **node}]}, {}, services, **fields)
    finally:
        await client.aclose()


def _answer(request: Request) -> Reply:
    if request.path.startswith("/away"):
        port = request.headers["host"].rpartition(":")[2]
        return Reply(302, b"", {"location": f"http://localhost:{port}/there"})
    if request.path.startswith("/on"):
        return Reply(302, b"", {"location": "/there"})
    return reply_json({"ok": True})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(_answer) as found:
        yield found


def http(server: Server, path: str = "/", **config: Any) -> dict[str, Any]:
    given = {"url": server.url + path, "headers": {"authorization": "Bearer {{secrets.token}}"}}
    return {"type": "http", "config": {**given, "max_redirects": 2, **config}}


async def test_a_request_to_its_host_has_the_secret(server: Server) -> None:
    assert (await ran(http(server), "127.0.0.1")).output["body"] == {"ok": True}
    assert (await ran(http(server, "/on"), "127.0.0.1")).output["body"] == {"ok": True}
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_request_to_another_host_is_not_sent(server: Server) -> None:
    with pytest.raises(
        NodeFailed, match=r"The secret 'token' may not be sent to '127.0.0.1'\."
    ) as caught:
        await ran(http(server), "api.a.test")
    assert caught.value.code == "secret-not-for-host"
    assert (
        caught.value.evidence.hint == "It is bound to api.a.test; an administrator can change that."
    )
    assert server.requests == []


async def test_nor_one_that_a_redirect_leads_to(server: Server) -> None:
    with pytest.raises(NodeFailed, match="'localhost'") as caught:
        await ran(http(server, "/away"), "127.0.0.1")
    assert caught.value.code == "secret-not-for-host"
    assert [request.path for request in server.requests] == ["/away"]


async def test_a_host_that_is_computed_is_checked_as_well(server: Server) -> None:
    url = server.url.replace("127.0.0.1", "{{'127.0.0.1'}}")
    with pytest.raises(NodeFailed) as caught:
        await ran(http(server, url=url), "*.a.test")
    assert caught.value.code == "secret-not-for-host"


async def test_an_mcp_server_elsewhere_does_not_get_it(server: Server) -> None:
    headers = {"authorization": "Bearer {{secrets.token}}"}
    node = {"type": "mcp", "config": {"url": f"{server.url}/mcp", "tool": "x", "headers": headers}}
    with pytest.raises(NodeFailed) as caught:
        await ran(node, "api.a.test")
    assert (caught.value.code, server.requests) == ("secret-not-for-host", [])
