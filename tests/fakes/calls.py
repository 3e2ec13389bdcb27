"""Runs one `http` node against a server on loopback, with uploads in memory."""

from typing import Any

from fakes.flows import Ran, run
from fakes.loopback import Server
from flowc.nodes.services.egress import EgressPolicy, HttpClient
from flowc.nodes.services.egress.trust import Trust
from flowc.nodes.services.files import Files, HeldFiles

LOOPBACK = EgressPolicy.of_rules({"127.0.0.1/32": []})


async def call_http(
    server: Server | str,
    given: Any = None,
    *,
    node: Any = None,
    files: Files | None = None,
    trust: Trust | None = None,
    **config: Any,
) -> Ran:
    """Run a workflow of one node; `path` is added to the server's address."""
    base = server if isinstance(server, str) else server.url
    url = base + config.pop("path", "/")
    call = {"id": "call", "type": "http", "config": {"url": url, **config}, **(node or {})}
    return await run_http({"nodes": [call]}, given, files=files, trust=trust)


async def run_http(
    workflow: Any,
    given: Any = None,
    *,
    files: Files | None = None,
    trust: Trust | None = None,
    secrets: dict[str, str] | None = None,
) -> Ran:
    """Run a workflow with a client of its own, which may call this machine."""
    client = HttpClient(LOOPBACK, trust=trust)
    services = {HttpClient: client, Files: files or HeldFiles()}
    try:
        return await run(workflow, given, services, secrets)
    finally:
        await client.aclose()
