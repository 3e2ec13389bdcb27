"""Workflows that call a model, and a server for the model on loopback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from fakes.flows import Ran, run
from fakes.loopback import Reply, Request, Server, serving
from flowc.nodes.services.models import ModelAlias, Models

KEY = "sk-loopback-0123456789abcdef"
WEATHER = {
    "id": "get_weather",
    "type": "template",
    "description": "The weather in a city.",
    "config": {"template": "{{arguments.city}}: sunny"},
}


def models_at(server: Server, model: str = "openai/gpt-4") -> Models:
    alias = ModelAlias(model=model, api_base=f"{server.url}/v1", api_key=SecretStr(KEY))
    return Models({"m": alias})


async def ask(models: Models, given: Any = None, **config: Any) -> Ran:
    node = {"id": "ask", "type": "llm", "config": {"model": "m", **config}}
    return await run({"nodes": [node]}, given, {Models: models})


def emitted(ran: Ran, kind: str) -> list[Any]:
    emissions = [event.data for event in ran.events if event.kind == "node.said"]
    return [data["data"] for data in emissions if data["kind"] == kind]


def agent(*tools: Any, **config: Any) -> dict[str, Any]:
    config = {"model": "m", "prompt": "Weather in Rome?", "tools": list(tools), **config}
    return {"nodes": [{"id": "helper", "type": "agent", "config": config}]}


@contextmanager
def scripted(*replies: Reply | Callable[[Request], Reply]) -> Iterator[Server]:
    """Serve replies one after the other, and the last one for all later requests."""
    left = list(replies)

    def answer(request: Request) -> Reply:
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply(request) if callable(reply) else reply

    with serving(answer) as server:
        yield server


def results(request: Request) -> list[Any]:
    return [m["content"] for m in request.json["messages"] if m["role"] == "tool"]
