"""A secret stays secret after an expression has changed it, and one too short for that is refused."""

import base64
import json
import os
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from fakes.flows import Ran, compiled, run
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node import Context, Node, SecretAllowed
from flowc.compiler.reading.documents import read_file
from flowc.compiler.running.run_context import NodeFailed

TOKEN = "tok-CANARY-123456\n"


class Send(Node):
    """Send a header to a service that echoes it."""

    type: ClassVar = "send"
    group: ClassVar = "outside"

    header: Annotated[Any, SecretAllowed]
    name: str = ""

    async def run(self, context: Context) -> Any:
        context.emit("sent", {"header": self.header})
        return {"echo": f"<{self.header}>", "name": self.name, "bare": self.header}


async def sent(header: Any, secret: str = TOKEN, **config: Any) -> Ran:
    node = {"id": "n", "type": "send", "config": {"header": header, **config}}
    secrets = {"token": secret, "user": "somebody"}
    workflow = compiled({"nodes": [node]}, Send)
    # Not as an exported graph, whose host has secrets of its own.
    return await run(workflow, {"name": "ada lovelace"}, None, secrets, max_steps=100)


@pytest.mark.parametrize(
    "expression",
    [
        "secrets.token",
        "secrets.token | trim",
        "secrets.token | upper",
        "secrets.token | lower",
        "secrets.token | title",
        "secrets.token | replace('-', '_')",
        "secrets.token | truncate(12, true, '')",
        "secrets.token | b64encode",
        "secrets.token | trim | b64encode",
        "secrets.token | reverse",
        "secrets.token[4:10]",
        "secrets.user ~ ':' ~ secrets.token",
        "(secrets.user ~ ':' ~ secrets.token | trim) | b64encode",
        "secrets.token | trim | split('-')",
        "'x' ~ secrets.token | trim",
        "secrets['token'] | trim",
    ],
)
@pytest.mark.parametrize("form", ["{{%s}}", "Bearer {{ %s }}", "{%% set t = %s %%}{{ t }}"])
async def test_what_is_made_of_a_secret_is_masked(expression: str, form: str) -> None:
    ran = await sent(form % expression, name="{{input.name}}")
    seen = json.dumps([ran.output, [event.data for event in ran.events]]).lower()
    for part in (
        "canary",
        "yrana",
        "yradac",
        "123456",
        base64.b64encode(b"tok-CANARY")[:8].decode().lower(),
    ):
        assert part not in seen
    assert "[secret]" in seen
    # What has nothing to do with it is not.
    assert ran.output["name"] == "ada lovelace"


async def test_words_of_the_author_are_not_masked() -> None:
    ran = await sent("{{ 'production' if secrets.token | length > 3 else 'testing' }} Bearer")
    assert ran.output["bare"] == "production Bearer"


@pytest.mark.parametrize("secret", ["a", "abc", "abc\n", "   a  "])
async def test_a_secret_that_is_too_short_to_be_masked_is_refused(secret: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await sent("{{secrets.token}}", secret)
    assert caught.value.code == "secret-too-short"
    assert "'token' has fewer than 4 characters" in str(caught.value)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "pipe"])
def test_a_pipe_or_device_is_no_definition(path: str, tmp_path: Path) -> None:
    file = tmp_path / path
    if path == "pipe":
        os.mkfifo(file)
    with pytest.raises(DefinitionRefused, match="pipe or a device"):
        read_file(file)
