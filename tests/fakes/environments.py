"""A folder with what an operator sets: models, MCP servers, secrets, documents, a collection."""

import asyncio
from pathlib import Path
from typing import Any

import yaml

from flowc.rag.stores.local import LocalStore
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.document_stores import local_documents
from flowc.server.settings import Settings


def furnish(
    folder: Path, model_url: str = "http://127.0.0.1:1", **collections: str
) -> dict[str, str]:
    """Write the files, and return the environment variables that name them."""
    aliases: dict[str, Any] = {
        "small": {"model": "openai/gpt-4", "api_base": f"{model_url}/v1", "api_key": "sk-test"},
        "local": {"model": "ollama/llama3", "api_base": f"{model_url}/v1"},
        "lost": {"model": "openai/gpt-4", "api_base": f"{model_url}/v1", "api_key_env": "LOST_KEY"},
        "keyless": {"model": "openai/gpt-4", "api_key_env": "LOST_KEY"},
        "odd": {"model": "gpt-99", "api_base": f"{model_url}/v1"},
        "words": "offline/extract",
    }
    (folder / "models.yaml").write_text(yaml.safe_dump(aliases))
    (folder / "mcp.yaml").write_text(yaml.safe_dump({"files": {"command": "no-such-command"}}))
    (folder / "secrets.yaml").write_text("from_file: s3cr3t\n")
    (folder / "docs").mkdir()
    (folder / "docs" / "handbook.md").write_text("# Travel\n\nTake the train.\n")
    (folder / "docs" / "link.md").symlink_to(folder / "models.yaml")
    variables = {
        "FLOWC_DATA_DIR": str(folder / "data"),
        "FLOWC_MODELS_FILE": str(folder / "models.yaml"),
        "FLOWC_MCP_FILE": str(folder / "mcp.yaml"),
        "FLOWC_SECRETS_FILE": str(folder / "secrets.yaml"),
        "FLOWC_SECRET_SET": "s3cr3t",
        "FLOWC_DOCUMENT_DIRS": str(folder / "docs"),
        "FLOWC_EGRESS_ALLOW": "127.0.0.1:8080",
    }
    if collections:
        asyncio.run(_create(Settings(data_dir=folder / "data"), collections))
    return variables


async def _create(settings: Settings, collections: dict[str, str]) -> None:
    store = await LocalStore.open(local_documents(settings, DEFAULT_TENANT))
    for name, model in collections.items():
        await store.create(name, model, 3)
    await store.aclose()
