"""A secret is read for one workflow, sent to its hosts alone, and redacted from all that follows."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

import pytest

from fakes.flows import compiled, run
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node import Context, Node, NodeError, SecretAllowed, SecretHosts, require_host
from flowc.compiler.running.run_context import NodeFailed, RunSecret

TOKEN = "tok-CANARY-123456"


class Client:
    """A service that can be held to hosts."""

    def __init__(self, bound: Sequence[SecretHosts] = ()) -> None:
        self.bound = tuple(bound)

    def only_to(self, bound: Sequence[SecretHosts]) -> Self:
        return type(self)(bound)

    def call(self, host: str) -> str:
        require_host(self.bound, host)
        return f"called {host}"


class Loose:
    """A service that cannot be held to hosts."""


class Dial(Node):
    """Call a host with a token."""

    type: ClassVar = "dial"
    group: ClassVar = "outside"

    token: Annotated[str, SecretAllowed] = ""
    host: str = "api.a.test"
    loosely: bool = False

    async def run(self, context: Context) -> Any:
        if self.loosely:
            context.service(Loose)
        return context.service(Client).call(self.host)


class Echo(Node):
    """Return a text that a service remembers, piece by piece."""

    type: ClassVar = "echo"
    group: ClassVar = "outside"

    text: str = "tok-CANARY-123456"

    async def run(self, context: Context) -> Any:
        text = TOKEN[::-1] if self.text == "reversed" else TOKEN
        for piece in ("It is ", *text, "."):
            context.emit("token", {"text": piece})
        context.emit("done", {"text": text})
        return f"It is {text}."


def lookup(hosts: tuple[str, ...] = (), only_for: str | None = None) -> Any:
    async def secret(name: str, workflow_id: str | None) -> RunSecret | None:
        if only_for is not None and workflow_id != only_for:
            raise NodeError("secret-not-for-workflow", "Not for this workflow.")
        return RunSecret(TOKEN, hosts) if name == "token" else None

    return secret


async def ran(hosts: tuple[str, ...] = (), only_for: str | None = None, **config: Any) -> Any:
    node = {"id": "n", "type": "dial", "config": {"token": "{{secrets.token}}", **config}}
    services = {Client: Client(), Loose: Loose()}
    fields = {"secret": lookup(hosts, only_for), "max_steps": 100}
    return (await run(compiled({"nodes": [node]}, Dial), {}, services, **fields)).output


async def test_a_bound_secret_goes_to_its_hosts() -> None:
    assert await ran(("api.a.test",)) == "called api.a.test"
    assert await ran(("*.a.test",)) == "called api.a.test"
    assert await ran(loosely=True) == "called api.a.test"


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("b.test", ("api.a.test",)),
        ("a.test", ("*.a.test",)),
        ("api.a.test.b.test", ("api.a.test", "*.a.test")),
        ("evila.test", ("*.a.test",)),
    ],
)
async def test_a_bound_secret_goes_nowhere_else(host: str, hosts: tuple[str, ...]) -> None:
    with pytest.raises(NodeFailed) as caught:
        await ran(hosts, host=host)
    assert caught.value.code == "secret-not-for-host"
    assert hosts[0] in (caught.value.evidence.hint or "")


async def test_a_service_that_cannot_be_held_to_hosts_is_not_there() -> None:
    with pytest.raises(NodeFailed) as caught:
        await ran(("api.a.test",), loosely=True)
    assert caught.value.code == "no-service"


async def test_a_secret_of_another_workflow_is_not_read() -> None:
    with pytest.raises(NodeFailed) as caught:
        await ran(only_for="billing")
    assert caught.value.code == "secret-not-for-workflow"


@pytest.mark.parametrize("text", ["plain", "reversed"])
async def test_a_secret_that_one_node_read_is_redacted_in_the_next(text: str) -> None:
    nodes = [
        {"id": "n", "type": "dial", "config": {"token": "{{secrets.token}}"}},
        {"id": "e", "type": "echo", "config": {"text": text}},
    ]
    definition = {"nodes": nodes, "edges": [{"source": "n", "target": "e"}]}
    services = {Client: Client()}
    found = await run(compiled(definition, Dial, Echo), {}, services, secret=lookup(), max_steps=9)
    said = [event.data for event in found.events if event.kind == "node.said"]
    texts = "".join(each["data"]["text"] for each in said if each["kind"] == "token")
    assert texts == found.output == "It is [secret]."
    # What is no part of a secret is not held back.
    assert said[0]["data"]["text"] == "It is "
    seen = json.dumps([event.data for event in found.events])
    assert TOKEN not in seen
    assert TOKEN[::-1] not in seen


def _condition(text: str) -> dict[str, Any]:
    config = {"condition": text, "true_edge": "b", "false_edge": "b"}
    return {"id": "a", "type": "conditional", "config": config}


@pytest.mark.parametrize(
    "node",
    [
        {"id": "a", "type": "llm", "config": {"prompt": "Say {{secrets.token}}"}},
        {"id": "a", "type": "llm", "config": {"prompt": "Hi", "system": "{{secrets.token|trim}}"}},
        {"id": "a", "type": "template", "config": {"template": "{{secrets.token}}"}},
        {"id": "a", "type": "template", "config": {"template": "{{secrets}}"}},
        {"id": "a", "type": "template", "config": {"template": "{{secrets|length}}"}},
        {"id": "a", "type": "template", "config": {"template": "{{secrets[input.name]}}"}},
        {"id": "a", "type": "template", "config": {"template": "{% set s = secrets %}{{s.token}}"}},
        {"id": "a", "type": "template", "config": {"template": "{{'a' if secrets.x == 'b' else 1}}"}},
        {"id": "a", "type": "template", "config": {"template": "{% for k in secrets %}{{k}}{% endfor %}"}},
        {"id": "a", "type": "code", "config": {"code": "def process(x):\n return x", "input_mapping": {"x": "{{secrets.token}}"}}},
        {"id": "a", "type": "set", "config": {"variables": {"x": "{{secrets.token}}"}}},
        {"id": "a", "type": "emit", "config": {"signal": "x", "data": "{{secrets.token}}"}},
        {"id": "a", "type": "fail", "config": {"message": "{{secrets.token}}"}},
        {"id": "a", "type": "end", "config": {"output": "{{secrets.token}}"}},
        {"id": "a", "type": "human", "config": {"title": "{{secrets.token}}"}},
        {"id": "a", "type": "http", "config": {"url": "https://a.test", "method": "{{secrets.token}}"}},
        {"id": "a", "type": "mcp", "config": {"url": "{{secrets.token}}", "tool": "x"}},
        {"id": "a", "type": "mcp", "config": {"url": "https://a.test", "tool": "x", "arguments": {"a": "{{secrets.token}}"}}},
        {"id": "a", "type": "template", "config": {"template": "Hi"}, "concurrency": {"key": "{{secrets.token}}", "max_parallel": 1}},
        _condition("{{secrets.token}} == 'x'"),
        _condition("secrets.token|length > 3"),
    ],
    ids=lambda node: f"{node['type']}: {json.dumps(node['config'])[:60]}",
)  # fmt: skip
async def test_a_field_that_is_stored_or_shown_takes_no_secret(node: dict[str, Any]) -> None:
    definition = {"nodes": [node, {"id": "b", "type": "template", "config": {"template": "b"}}]}
    with pytest.raises(DefinitionRefused) as refused:
        compiled(definition)
    assert "secret-not-allowed" in {each.code for each in refused.value.diagnostics}
