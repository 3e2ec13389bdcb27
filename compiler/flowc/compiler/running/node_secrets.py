"""The secrets of one node's work: reads them, and redacts what the node returns and emits."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.expressions import reads_secrets
from flowc.compiler.node import HostBound, NodeError, SecretHosts
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.redaction import MIN_LENGTH, Redactor, StreamRedactor
from flowc.compiler.running.run_context import RunContext, RunSecret

# What a node emits as `{"text": …}` under this name are the pieces of one text.
STREAMED = "token"
_LONE_SECRET = re.compile(r"\{\{-?\s*secrets\.\w+\s*-?\}\}")


@dataclass(slots=True)
class NodeSecrets:
    """The secrets of a node: `made` are texts that its expressions made of them.

    `bound` are the hosts that secrets restrict the node to.
    """

    node: PlannedNode
    run: RunContext
    made: frozenset[str] = frozenset()
    bound: tuple[SecretHosts, ...] = ()
    _stream: StreamRedactor | None = None

    @property
    def redactor(self) -> Redactor:
        """Replaces all secrets that are known by now, and what was made of those of the node."""
        known = self.run.known.redactor
        return known.also(self.made) if self.made else known

    async def read(self) -> Mapping[str, str]:
        """Return the secrets that the node reads, without those that the run does not have.

        Raises NodeError for one that is too short to be masked, or that the workflow may not read.
        """
        found: dict[str, RunSecret] = {}
        for name in self.node.secrets:
            secret = await self.run.secret(name, self.node.stored_in)
            if secret is not None:
                _require_length(name, secret.value)
                found[name] = secret
        self.run.known.add(secret.value for secret in found.values())
        self.bound = tuple(SecretHosts(n, each.hosts) for n, each in found.items() if each.hosts)
        return {name: secret.value for name, secret in found.items()}

    def note(self, filled: Mapping[str, Any]) -> None:
        """Note the texts that expressions of the node's configuration made of secrets."""
        self.made = frozenset(_made_of_secrets(self.node, filled))

    def services(self) -> Mapping[type, Any]:
        """Return the services; only those that can be held to hosts, if secrets demand that."""
        services = self.run.services
        if not self.bound:
            return services
        held = {kind: each for kind, each in services.items() if isinstance(each, HostBound)}
        return {kind: each.only_to(self.bound) for kind, each in held.items()}

    def emit(self, kind: str, data: Any, on_data: Callable[[str, Any], None]) -> None:
        """Pass on what the node emits with secrets replaced, also one that pieces split."""
        redactor = self.redactor
        if not redactor or kind != STREAMED or not isinstance(data, dict):
            self.flush()
            on_data(kind, redactor.json(data))
            return
        if self._stream is None:
            self._stream = StreamRedactor(redactor, lambda text: on_data(kind, {"text": text}))
        self._stream.redactor = redactor
        self._stream(str(data.get("text", "")))

    def flush(self) -> None:
        """Pass on what is held back of a text that has ended."""
        if self._stream is not None:
            self._stream.flush()


def _require_length(name: str, value: str) -> None:
    if len(value.strip()) < MIN_LENGTH:
        message = f"The secret {name[:60]!r} has fewer than {MIN_LENGTH} characters."
        hint = "It could not be masked in what is stored and shown; set a longer one."
        raise NodeError("secret-too-short", message, hint=hint)


def _made_of_secrets(node: PlannedNode, filled: Mapping[str, Any]) -> set[str]:
    """Return the texts that expressions of a node's configuration made of secrets.

    Secrets that stand for themselves are masked in any case. A word that the author wrote is none.
    """
    found: set[str] = set()
    for slot in node.configuration.slots:
        if "secrets" in _LONE_SECRET.sub("", slot.source) and reads_secrets(slot.expression):
            words = [word for text in _texts_in(_at(filled, slot.path)) for word in text.split()]
            found |= {word for word in words if word not in slot.source}
    return found


def _at(value: Any, path: Pointer) -> Any:
    for step in path:
        value = value[step]
    return value


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts_in(item)
