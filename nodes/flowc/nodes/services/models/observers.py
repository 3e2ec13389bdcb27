"""Services that are notified of model calls, by litellm's callbacks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Observer = Literal["langfuse", "posthog"]
OBSERVERS: tuple[Observer, ...] = get_args(Observer)

# litellm's names of the callbacks, and the variables from which these read an address.
_CALLBACKS: Mapping[Observer, str] = {"langfuse": "langfuse_otel", "posthog": "posthog"}
_ADDRESSES: Mapping[Observer, tuple[str, ...]] = {
    "langfuse": ("LANGFUSE_OTEL_HOST", "LANGFUSE_HOST"),
    "posthog": ("POSTHOG_API_URL",),
}


@dataclass(frozen=True)
class Observers:
    """The services that are notified; they get prompts and outputs only with `records_prompts`.

    litellm reads their keys and addresses from the environment: POSTHOG_API_KEY and
    POSTHOG_API_URL; LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and LANGFUSE_HOST.
    """

    names: tuple[Observer, ...] = ()
    records_prompts: bool = False

    @property
    def urls(self) -> list[str]:
        """The addresses in the environment."""
        variables = [variable for name in self.names for variable in _ADDRESSES[name]]
        return [found for variable in variables if (found := os.environ.get(variable))]

    def install(self, litellm: Any) -> None:
        """Set litellm's callbacks, which apply to all calls of this process."""
        wanted = [_CALLBACKS[name] for name in self.names]
        if wanted and not litellm.callbacks:
            # Only with observers: litellm copies every call's messages to take their texts out.
            litellm.turn_off_message_logging = not self.records_prompts
            litellm.callbacks = wanted

    def metadata(self, about: Mapping[str, str]) -> dict[str, Any]:
        """Return a call's data for them: the run's id as the trace, the node's as the name."""
        if not self.names or not about:
            return {}
        named = {"trace_id": about.get("run_id"), "generation_name": about.get("node_id")}
        return {"metadata": {name: value for name, value in named.items() if value}}
