"""Workflows are tools of an MCP server, and call the tools of other servers."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from fakes.flows import Ran, run
from fakes.loopback import calls, completion
from fakes.models import agent, models_at, results, scripted
from fakes.places import TESTS
from fakes.processes import serving
from fakes.runs_api import API, human
from flowc.compiler.check import check_workflow
from flowc.compiler.node.registry import Registry
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress import EgressPolicy
from flowc.nodes.services.mcp import McpServer, McpServers, read_mcp_file
from flowc.nodes.services.models import Models
from flowc.nodes.services.operator_files import OperatorFileRefused

HOSTILE = McpServer(command=sys.executable, args=[str(TESTS / "fakes" / "mcp_hostile.py")])
STDIO = McpServer(command=sys.executable, args=[str(TESTS / "fakes" / "mcp_stdio.py")])
GREET = {
    "name": "Greeting",
    "description": "Greets a person.",
    "input": {"name": "string"},
    "output": {"text": "string"},
    "nodes": [
        {"id": "a", "type": "wait", "config": {"for": 0.1}},
        {
            "id": "b",
            "type": "template",
            "config": {"template": "Hello {{input.name}}."},
            "depends_on": ["a"],
        },
    ],
}
LIST = {"nodes": [{"id": "a", "type": "start", "config": {"data": {"n": 1}}}]}
FAILS = {"nodes": [{"id": "a", "type": "fail", "config": {"message": "Out of tea."}}]}
ASKS = {"nodes": [human("ask", title="May I?")]}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("mcp") / "d") as (client, _):
        for id, definition in (("greet", GREET), ("list", LIST), ("fails", FAILS), ("asks", ASKS)):
            body = {"id": id, "definition": definition}
            client.post(f"{API}/workflows", json=body).raise_for_status()
        yield client


def connected(api: httpx.Client) -> Client:
    return Client(f"{api.base_url}/mcp")


async def test_workflows_are_tools_with_their_schemas(api: httpx.Client) -> None:
    async with connected(api) as client:
        found = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(found) == {"greet", "list", "fails", "asks"}
    greet = found["greet"]
    assert (greet.title, greet.description) == ("Greeting", "Greets a person.")
    assert greet.input_schema["properties"] == {"name": {"type": "string"}}
    assert greet.output_schema is not None
    assert greet.output_schema["required"] == ["text"]
    assert found["list"].output_schema is None


async def test_a_call_reports_the_progress_of_its_run(api: httpx.Client) -> None:
    reports: list[tuple[float, float | None, str | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, total, message))

    async with connected(api) as client:
        result = await client.call_tool("greet", {"name": "Ada"}, progress_callback=report)
        listed = await client.call_tool("list", {})
    assert not result.is_error
    assert result.structured_content == {"text": "Hello Ada."}
    assert [part.text for part in result.content if part.type == "text"] == ["Hello Ada."]
    assert reports == [(1, 2, "a"), (2, 2, "b")]
    assert listed.structured_content == {"n": 1}


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("none", {}, "There is no workflow 'none'."),
        ("greet", {}, "'name' is a required property"),
        ("greet", {"name": 7}, "7 is not of type 'string'"),
        ("fails", {}, "failed: Out of tea."),
        ("asks", {}, "It asks: May I?"),
    ],
)
async def test_a_call_without_a_result_says_why(
    api: httpx.Client, name: str, given: Any, why: str
) -> None:
    async with connected(api) as client:
        result = await client.call_tool(name, given)
    assert result.is_error
    assert why in str(getattr(result.content[0], "text", ""))


async def test_older_clients_work_too(api: httpx.Client) -> None:
    async with Client(f"{api.base_url}/mcp", mode="legacy") as client:
        result = await client.call_tool("greet", {"name": "Ada"})
    assert result.structured_content == {"text": "Hello Ada."}


async def visit(servers: McpServers, **config: Any) -> Ran:
    node = {"id": "shop", "type": "mcp", "config": config}
    return await run({"nodes": [node]}, {"item": "tea"}, {McpServers: servers})


async def test_a_node_calls_a_tool_of_a_command_that_the_operator_set() -> None:
    servers = McpServers({"shop": STDIO})
    ran = await visit(
        servers, server="shop", tool="price", arguments={"item": "{{input.item}}", "count": 2}
    )
    assert ran.output["data"] == {"total": 5.0}
    assert json.loads(ran.output["text"]) == {"total": 5.0}
    listed = await visit(servers, server="shop", tools=["greet"])
    assert [tool["name"] for tool in listed.output["tools"]] == ["greet"]
    with pytest.raises(NodeFailed, match="There is no such item") as caught:
        await visit(servers, server="shop", tool="price", arguments={"item": "nothing"})
    assert caught.value.code == "mcp-tool-failed"


async def test_a_node_calls_a_tool_over_http(api: httpx.Client) -> None:
    ours = McpServer(url=f"{api.base_url}/mcp")
    servers = McpServers({"ours": ours})
    ran = await visit(servers, server="ours", tool="greet", arguments={"name": "Bob"})
    assert ran.output["data"] == {"text": "Hello Bob."}


async def test_servers_in_the_private_network_are_out_of_reach(api: httpx.Client) -> None:
    with pytest.raises(NodeFailed) as caught:
        await visit(McpServers(), url=f"{api.base_url}/mcp", tool="greet")
    assert caught.value.code == "egress-denied"
    port = api.base_url.port or 0
    policy = EgressPolicy.of_rules({"127.0.0.1/32": [port]})
    ran = await visit(McpServers(policy=policy), url=f"{api.base_url}/mcp", tool="list")
    assert ran.output["data"] == {"n": 1}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"server": "none"}, "unknown-mcp-server"),
        ({"server": "gone", "tool": "x"}, "mcp-unavailable"),
        ({"server": "dead", "tool": "x"}, "mcp-unavailable"),
        ({"server": "shop", "tool": "greet", "tools": ["price"]}, "unknown-tool"),
    ],
)
async def test_a_missing_server_or_tool_is_reported(config: Any, code: str) -> None:
    gone = McpServer(url="http://127.0.0.1:9/mcp")
    dead = McpServer(command=sys.executable, args=["-c", "pass"])
    with pytest.raises(NodeFailed) as caught:
        await visit(McpServers({"gone": gone, "dead": dead, "shop": STDIO}), **config)
    assert caught.value.code == code


async def test_an_agent_is_offered_the_tools_of_a_server() -> None:
    tools = [
        {"id": "shop", "type": "mcp", "config": {"server": "shop"}},
        {"id": "only", "type": "mcp", "config": {"server": "shop", "tool": "greet"}},
        {
            "id": "tea",
            "type": "mcp",
            "description": "The price of tea.",
            "config": {
                "server": "shop",
                "tool": "price",
                "arguments": {"item": "tea", "count": "{{arguments.count}}"},
            },
            "parameters": {"count": "integer"},
        },
    ]
    asked = calls(
        ("shop__price", {"item": "tea", "count": 4}),
        ("only__greet", {"name": "Ada"}),
        ("tea", {"count": 2}),
        ("shop__price", {"item": "nothing"}),
    )
    with scripted(asked, completion("Done.")) as server:
        services = {Models: models_at(server), McpServers: McpServers({"shop": STDIO})}
        await run(agent(*tools), {}, services)
    offered = {t["function"]["name"]: t["function"] for t in server.requests[0].json["tools"]}
    assert set(offered) == {"shop__price", "shop__greet", "only__greet", "tea"}
    assert offered["shop__price"]["description"] == "The price of some items."
    assert set(offered["shop__price"]["parameters"]["properties"]) == {"item", "count"}
    answers = results(server.requests[1])
    assert json.loads(answers[0]) == {"total": 10.0}
    assert "Hello Ada." in answers[1]
    assert json.loads(answers[2]) == {"total": 5.0}
    assert "There is no such item." in answers[3]


@pytest.mark.parametrize(
    ("tool", "code"),
    [
        ("backtracks", "answer-does-not-fit"),
        ("slow", "validation-too-costly"),
        # What cannot be checked is the server's mistake: its result is taken as it is.
        ("fetches", None),
        ("looks_ahead", None),
    ],
)
async def test_the_schema_of_a_servers_result_does_not_hold_up_the_run(
    tool: str, code: str | None
) -> None:
    servers = McpServers({"hostile": HOSTILE})
    if code is None:
        assert (await visit(servers, server="hostile", tool=tool)).output["data"] is not None
        return
    with pytest.raises(NodeFailed) as caught:
        await visit(servers, server="hostile", tool=tool)
    assert caught.value.code == code


async def test_the_schema_of_a_servers_arguments_does_not_hold_up_the_run() -> None:
    tools = [{"id": "h", "type": "mcp", "config": {"server": "hostile"}}]
    asked = calls(
        ("h__backtracks", {"x": "a" * 40 + "!"}),
        ("h__fetches", {"x": 1}),
        ("h__looks_ahead", {"x": 1}),
    )
    with scripted(asked, completion("Done.")) as server:
        services = {Models: models_at(server), McpServers: McpServers({"hostile": HOSTILE})}
        await run(agent(*tools), {}, services)
    refused, *passed = results(server.requests[1])
    assert "does not match '^(a+)+$'" in refused
    assert list(map(json.loads, passed)) == [{"x": 1}, {"x": "a"}]


async def test_an_agent_continues_without_an_optional_server() -> None:
    tool = {"id": "shop", "type": "mcp", "config": {"server": "none"}, "on_error": "continue"}
    with scripted(completion("Done.")) as server:
        services = {Models: models_at(server), McpServers: McpServers()}
        ran = await run(agent(tool), {}, services)
    assert ran.output["text"] == "Done."
    assert "tools" not in server.requests[0].json


def test_only_headers_may_contain_secrets() -> None:
    config = {"url": "https://x.test/mcp", "headers": {"authorization": "{{secrets.k}}"}}
    node: dict[str, Any] = {"id": "a", "type": "mcp", "config": config}
    assert check_workflow(from_data({"nodes": [node]}), Registry.installed()) == []
    node["config"] = {"url": "https://x.test/mcp", "tool": "t", "arguments": {"k": "{{secrets.k}}"}}
    [found] = check_workflow(from_data({"nodes": [node]}), Registry.installed())
    assert found.code == "secret-not-allowed"


def test_a_file_of_servers_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(json.dumps({"mcpServers": {"a": {"url": "https://x.test/mcp"}}}))
    assert read_mcp_file(file)["a"].url == "https://x.test/mcp"
    for entry in ({"url": "https://x.test", "command": "y"}, {}, {"url": "ftp://x"}, {"cmd": "y"}):
        file.write_text(json.dumps({"a": entry}))
        with pytest.raises(OperatorFileRefused, match="a"):
            read_mcp_file(file)
