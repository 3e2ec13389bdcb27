"""The keys of models: where each comes from, and why a call of a model is refused without one."""

import os
from typing import Any

from flowc.compiler.node import NodeError
from flowc.nodes.services.models.aliases import ModelAlias
from flowc.nodes.services.models.offline import PROVIDER
from flowc.nodes.services.models.prices import provider_of

# Providers with one public address each: their models can be used without an alias. All others
# take their address from the environment or the caller, and so must be in the models file.
HOSTED = frozenset(
    {
        "anthropic", "cerebras", "cohere", "cohere_chat", "deepseek", "fireworks_ai", "gemini",
        "groq", "mistral", "openai", "openrouter", "perplexity", "together_ai", "xai",
    }
)  # fmt: skip
UNKNOWN, KEYLESS = "unknown-model", "no-model-key"
# The codes of calls that are refused before they are sent.
REFUSED = frozenset({UNKNOWN, KEYLESS})


class ModelRefused(NodeError):
    """A model cannot be called, for a `reason`; `variable` is where its key would be.

    A service may answer without a key, too: then it is not refused, unless `is_sure`.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        remedy: str = "",
        *,
        variable: str | None = None,
        is_sure: bool = True,
    ) -> None:
        self.reason, self.variable, self.is_sure = reason, variable, is_sure
        super().__init__(code, f"{reason}{remedy}.")


def key_of(alias: ModelAlias, litellm: Any) -> str | None:
    """Return the key to send, or None; raise ModelRefused.

    A key from the environment is sent only to a provider's own address: with `api_base`, the key
    must be in the models file.
    """
    if alias.model.startswith(PROVIDER):
        return None
    key = alias.key()
    if key is not None or alias.api_base is not None:
        return key
    provider = _provider(alias.model, litellm)
    usual = variable_of(provider) if provider in HOSTED else None
    found = os.environ.get(usual) if usual else None
    if not found:
        variable = alias.api_key_env or usual
        remedy = ": set one in the models file (FLOWC_MODELS_FILE)"
        remedy += f", or set {variable}" if variable else ""
        raise ModelRefused(KEYLESS, _without_key(alias), remedy, variable=variable)
    return found


def variable_of(provider: str) -> str:
    """Return the environment variable with the key of a provider."""
    return f"{provider.upper()}_API_KEY"


def is_callable(alias: ModelAlias) -> bool:
    """Return whether a model has a provider and a key, as far as that is known without litellm.

    False means that only `require_callable` knows: litellm has more providers than its list.
    """
    prefix = alias.model.partition("/")[0]
    provider = prefix if prefix in HOSTED else provider_of(alias.model)
    if provider is None or alias.api_base is not None or alias.key() is not None:
        return provider is not None
    return provider in HOSTED and bool(os.environ.get(variable_of(provider)))


def require_callable(alias: ModelAlias, litellm: Any) -> None:
    """Raise ModelRefused if every call of a model is refused before it is sent."""
    _provider(alias.model, litellm, alias.api_base)
    key_of(alias, litellm)


def lost_key(alias: ModelAlias) -> ModelRefused | None:
    """Return that the variable with an alias's key is not set, if its service gets none then."""
    variable = alias.api_key_env
    if variable is None or alias.api_base is None or alias.key():
        return None
    return ModelRefused(KEYLESS, _without_key(alias), variable=variable, is_sure=False)


def _without_key(alias: ModelAlias) -> str:
    return f"There is no key for the model {alias.model!r}"


def _provider(model: str, litellm: Any, api_base: str | None = None) -> str:
    try:
        return str(litellm.get_llm_provider(model, api_base=api_base)[1])
    except Exception:
        reason = f"The provider of the model {model!r} is not known"
        raise ModelRefused(UNKNOWN, reason, "; add it to the models file") from None
