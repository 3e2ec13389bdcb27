"""Handing over between agents: the tools by which a model names the agent that continues."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flowc.compiler.definition.short_schemas import Schema
from flowc.nodes.ai.tool_calls import ToolCall

# The branch of an agent that answers itself.
ANSWERED = "answer"
_PREFIX = "transfer_to_"
_PARAMETERS: Schema = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "What is left to do, for who continues."}
    },
}


class Handoff(NamedTuple):
    """To which agent an agent hands over, and why."""

    to: str
    reason: str


class Handoffs:
    """The agents to which an agent can hand over, with what each is for."""

    def __init__(self, agents: Mapping[str, str]) -> None:
        self._agents = {f"{_PREFIX}{name}": (name, why) for name, why in agents.items()}

    @property
    def parameters(self) -> dict[str, Schema]:
        """The parameters of each tool, by its name."""
        return dict.fromkeys(self._agents, _PARAMETERS)

    def as_functions(self) -> list[dict[str, Any]]:
        """Return the tools as functions with a name, a description and parameters.

        >>> Handoffs({"billing": "Invoices."}).as_functions()[0]["name"]
        'transfer_to_billing'
        """
        return [
            {
                "name": tool,
                "description": f"Hand over to {name}, who then answers. {why}".strip(),
                "parameters": _PARAMETERS,
            }
            for tool, (name, why) in self._agents.items()
        ]

    def among(self, calls: Sequence[ToolCall]) -> Handoff | None:
        """Return the first call that hands over; the other calls of its turn are not made."""
        for call in calls:
            if call.name in self._agents and not call.problem:
                reason = str(call.arguments.get("reason") or "")
                return Handoff(self._agents[call.name][0], reason)
        return None


def handoffs_in(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of the agents in a configuration, with what each is for."""
    given = config.get("handoffs")
    if isinstance(given, dict):
        return {str(name): str(why or "") for name, why in given.items()}
    return {str(name): "" for name in given} if isinstance(given, list) else {}
