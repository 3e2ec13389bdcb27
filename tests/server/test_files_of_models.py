"""Files that are uploaded over HTTP go to models, and what models make can be downloaded."""

import base64
from pathlib import Path
from typing import Any

import yaml

from fakes.loopback import Reply, Request, completion, reply_json
from fakes.loopback import serving as model_serving
from fakes.served import serving
from flowc.server.app import API

PNG = base64.b64decode("iVBORw0KGgo=") + b"picture"


def definition() -> dict[str, Any]:
    ask = {"model": "m", "prompt": "What is it?", "files": "{{input.picture}}"}
    make = {"model": "m", "prompt": "{{ask.output.text}}"}
    return {
        "id": "pictures",
        "input": {"picture": "string"},
        "nodes": [
            {"id": "ask", "type": "llm", "config": ask},
            {"id": "make", "type": "image", "config": make, "depends_on": ["ask"]},
        ],
    }


def answer(request: Request) -> Reply:
    if "images" in request.path:
        assert request.json["prompt"] == "A dot."
        return reply_json({"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]})
    [part, _] = request.json["messages"][0]["content"]
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert part == {"type": "image_url", "image_url": {"url": url}}
    return completion("A dot.")


async def test_a_picture_is_uploaded_described_and_made_again(tmp_path: Path) -> None:
    with model_serving(answer) as server:
        aliases = {
            "m": {"model": "openai/gpt-4o", "api_base": f"{server.url}/v1", "api_key": "sk-test"}
        }
        file = tmp_path / "models.yaml"
        file.write_text(yaml.safe_dump(aliases))
        async with serving(tmp_path / "d", models_file=file) as served:
            key = await served.new_key(role="admin")
            sent = {"file": ("upload", PNG, "application/octet-stream")}
            picture = await served.ask("POST", f"{API}/knowledge/files", key, files=sent)
            body = {
                "definition": definition(),
                "input": {"picture": picture.json()["id"]},
                "wait": True,
            }
            ran = await served.ask("POST", f"{API}/workflows/execute", key, json=body)
            assert ran.json()["status"] == "completed", ran.text
            made = ran.json()["output"]["file"]
            content = await served.ask("GET", f"{API}/knowledge/files/{made}/content", key)
            info = await served.ask("GET", f"{API}/knowledge/files/{made}", key)
            other = await served.new_key(role="admin", tenant="other")
            hidden = await served.ask("GET", f"{API}/knowledge/files/{made}/content", other)
    assert content.content == PNG
    assert (info.json()["media_type"], info.json()["name"]) == ("image/png", "make-1.png")
    assert hidden.status_code == 404
