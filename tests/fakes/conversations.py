"""Workflows to chat with, a server that runs them, and a model server with scripted replies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import openai

from fakes import loopback
from fakes.loopback import Reply, Request, Server, completion
from fakes.processes import PATIENCE, serving
from fakes.runs_api import API, human

ECHO = {
    "name": "Echo",
    "nodes": [{"id": "say", "type": "llm", "config": {"prompt": "{{input.message}}"}}],
}
REMEMBERS = {
    "nodes": [
        {
            "id": "say",
            "type": "llm",
            "config": {
                "model": "m",
                "system": "Be kind.",
                "prompt": "{{input.message}}",
                "stream": True,
                "memory": {"max_tokens": 60, "summarize": True},
            },
        },
        {"id": "done", "type": "end", "config": {"output": "{{say.output.text}}"}, "depends_on": ["say"]},
    ]
}  # fmt: skip
APPROVES = {
    "input": {"message": "string"},
    "nodes": [
        human("ask", title="Refund 7 EUR?", choices=["approve", "reject"]),
        {
            "id": "yes",
            "type": "template",
            "config": {"template": "Refunded: {{input.message}}"},
        },
        {"id": "no", "type": "template", "config": {"template": "Not refunded."}},
    ],
    "edges": [
        {"source": "ask", "target": "yes", "branch": "approve"},
        {"source": "ask", "target": "no", "branch": "reject"},
    ],
}


@dataclass
class World:
    """A server of ours, and a model server that sends the scripted `replies`; the last one repeats."""

    api: httpx.Client
    models: Server
    openai: openai.OpenAI
    replies: list[Any] = field(default_factory=list)

    def store(self, id: str, definition: Any) -> None:
        body = {"id": id, "definition": definition}
        if self.api.post(f"{API}/workflows", json=body).status_code == 409:
            self.api.put(f"{API}/workflows/{id}", json=body).raise_for_status()

    def chat(self, id: str, message: str, **more: Any) -> dict[str, Any]:
        body = {"message": message, "stream": False, **more}
        response = self.api.post(f"{API}/workflows/{id}/chat", json=body)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def reset(self) -> None:
        self.models.requests.clear()
        self.replies[:] = [completion("nothing")]

    def asked(self) -> list[list[str]]:
        """Return the contents of the messages in each request to the model."""
        found = [request.json["messages"] for request in self.models.requests]
        return [[message["content"] for message in messages] for messages in found]


@contextmanager
def opened(folder: Path, database: dict[str, str]) -> Iterator[World]:
    world: World

    def answer(asked: Request) -> Reply:
        reply: Any = world.replies.pop(0) if len(world.replies) > 1 else world.replies[0]
        return cast(Reply, reply(asked) if callable(reply) else reply)

    with loopback.serving(answer) as models:
        alias = {"model": "openai/gpt-4", "api_base": f"{models.url}/v1", "api_key": "sk-x"}
        file = folder / "models.json"
        file.write_text(json.dumps({"m": alias}))
        env = {**database, "FLOWC_MODELS_FILE": str(file)}
        with (
            serving(folder / "d", env) as (api, _),
            openai.OpenAI(base_url=f"{api.base_url}/v1", api_key="any", timeout=PATIENCE) as client,
        ):
            world = World(api, models, client)
            yield world
