"""Whether a model can be called is known before the call, by what the call itself would find."""

import pytest
from pydantic import SecretStr

from flowc.compiler.node import NodeError
from flowc.nodes.services.models import Call, ModelAlias, Models
from flowc.nodes.services.models.keys import HOSTED, is_callable, variable_of

KEY = SecretStr("sk-test")
ALIASES = {
    "keyed": ModelAlias(model="azure/gpt-4o", api_key=KEY),
    "variable": ModelAlias(model="openai/gpt-4o", api_key_env="SOME_KEY"),
    "odd": ModelAlias(model="gpt-99", api_key=KEY),
}


@pytest.mark.parametrize("name", sorted(HOSTED))
def test_a_key_of_each_provider_is_found_in_its_variable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alias = ModelAlias(model=f"{name}/some-model")
    monkeypatch.delenv(variable_of(name), raising=False)
    assert not is_callable(alias)
    monkeypatch.setenv(variable_of(name), "k")
    assert is_callable(alias)


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("openai/gpt-4o", "no-model-key"),
        ("gpt-4o", "no-model-key"),
        ("cohere/command-r", "no-model-key"),
        ("azure/gpt-4o", "no-model-key"),
        ("variable", "no-model-key"),
        ("gpt-99", "unknown-model"),
        ("nobody/gpt-4o", "unknown-model"),
        ("offline/echo", None),
        ("", None),
    ],
)
async def test_a_call_is_refused_as_it_was_foreseen(
    model: str, code: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in HOSTED:
        monkeypatch.delenv(variable_of(provider), raising=False)
    models = Models(ALIASES)
    foreseen = await models.refusal(model)
    assert (foreseen.code if foreseen is not None else None) == code
    call = Call(model or None, [{"role": "user", "content": "Hi"}])
    if foreseen is None:
        assert (await models.complete(call)).text == "Hi"
        return
    with pytest.raises(NodeError) as caught:
        await models.complete(call)
    assert (caught.value.code, caught.value.message) == (foreseen.code, foreseen.message)


async def test_a_model_of_no_provider_is_refused_also_with_a_key() -> None:
    refused = await Models(ALIASES).refusal("odd")
    assert refused is not None
    assert refused.code == "unknown-model"
    assert await Models(ALIASES).refusal("keyed") is None
