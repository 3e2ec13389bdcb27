"""The offline models, and the operator's models file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.flows import run
from fakes.models import ask
from flowc.nodes.services.models import ModelAlias, Models, read_models_file
from flowc.nodes.services.operator_files import OperatorFileRefused


async def test_echo_repeats_the_message_and_extract_finds_the_sentence() -> None:
    models = Models({"m": ModelAlias(model="offline/extract")})
    prompt = "Cats sleep all day. The tower is 300 metres tall.\nDogs bark.\nHow tall is the tower?"
    assert (await ask(models, prompt=prompt)).output["text"] == "The tower is 300 metres tall."
    ran = await run({"nodes": [{"id": "a", "type": "llm", "config": {"prompt": "Hi there"}}]},
                    services={Models: Models()})  # fmt: skip
    assert ran.output["text"] == "Hi there"
    assert ran.output["model"] == "offline/echo"


async def test_offline_models_fill_in_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["fault", "question"]},
            "count": {"type": "integer"},
            "urgent": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["kind", "count", "urgent", "tags"],
    }
    ran = await ask(
        Models({"m": ModelAlias(model="offline/extract")}),
        prompt="A fault in 3 places, urgent: yes",
        output_schema=schema,
    )
    assert (ran.output["kind"], ran.output["count"], ran.output["urgent"]) == ("fault", 3, True)


def test_a_models_file_can_have_several_forms(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("a: offline/echo\nb: {model: openai/x, api_base: 'http://h/v1', key: k}\n")
    found = read_models_file(file)
    assert found["a"].model == "offline/echo"
    assert found["b"].key() == "k"
    assert "'k'" not in repr(found)
    file.write_text('{"models": {"a": {"model": "m", "api_key_env": "SOME_KEY"}}}')
    assert read_models_file(file)["a"].api_key_env == "SOME_KEY"


@pytest.mark.parametrize(
    "text", ["[]", "a: {model: m, modle: x}", "a: 1", "a: {", "a: {api_key: k}"]
)
def test_the_error_for_a_wrong_models_file_names_the_entry(text: str, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    with pytest.raises(OperatorFileRefused, match=r"models\.yaml"):
        read_models_file(file)


@pytest.mark.parametrize(
    "models, key, is_loaded",
    [
        ("Models()", "", False),
        ("Models({'m': ModelAlias(model='offline/extract')})", "", False),
        ("Models({'m': ModelAlias(model='openai/m')})", "", True),
        ("Models()", "secret", True),
    ],
)
def test_only_what_needs_litellm_warms_it_up(models: str, key: str, is_loaded: bool) -> None:
    script = (
        "import asyncio, sys\n"
        "from flowc.nodes.services.models import ModelAlias, Models\n"
        f"asyncio.run({models}.warm())\n"
        "print('litellm' in sys.modules)"
    )
    keyless = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**keyless, "MISTRAL_API_KEY": key}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(is_loaded)
