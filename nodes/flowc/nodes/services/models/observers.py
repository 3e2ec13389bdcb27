"""Who is told of model calls besides the run? Services that litellm has callbacks for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Observer = Literal["langfuse", "posthog"]
OBSERVERS: tuple[Observer, ...] = get_args(Observer)

# litellm's names, and the variables in which its callbacks look for an address.
_CALLBACKS: Mapping[Observer, str] = {"langfuse": "langfuse_otel", "posthog": "posthog"}
_ADDRESSES: Mapping[Observer, tuple[str, ...]] = {
    "langfuse": ("LANGFUSE_OTEL_HOST", "LANGFUSE_HOST"),
    "posthog": ("POSTHOG_API_URL",),
}


@dataclass(frozen=True)
class Observers:
    """The services that are told; of prompts and outputs, only where that is wished.

    Their keys and addresses are in the environment, as litellm has them: POSTHOG_API_KEY and
    POSTHOG_API_URL; LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and LANGFUSE_HOST.
    """

    names: tuple[Observer, ...] = ()
    records_prompts: bool = False

    @property
    def urls(self) -> list[str]:
        """The addresses that the operator has named for them."""
        variables = [variable for name in self.names for variable in _ADDRESSES[name]]
        return [found for variable in variables if (found := os.environ.get(variable))]

    def tell(self, door: Any) -> None:
        """Have litellm tell them of its calls: of all in this process."""
        wanted = [_CALLBACKS[name] for name in self.names]
        if wanted and not door.callbacks:
            door.callbacks = wanted
            door.turn_off_message_logging = not self.records_prompts

    def metadata(self, about: Mapping[str, str]) -> dict[str, Any]:
        """Return what they are told of a call besides: its run is a trace, its node a name."""
        if not self.names or not about:
            return {}
        named = {"trace_id": about.get("run_id"), "generation_name": about.get("node_id")}
        return {"metadata": {name: value for name, value in named.items() if value}}
