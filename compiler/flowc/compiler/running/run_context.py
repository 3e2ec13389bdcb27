"""What a run has in addition to its state, and the view of the state that a node reads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.guards import Guards
from flowc.compiler.node.budget import UNLIMITED, Budget
from flowc.compiler.node.context import utc_now
from flowc.compiler.node.errors import NO_EVIDENCE, Evidence
from flowc.compiler.node.interrupts import Answer, WaitFor, wait_here
from flowc.compiler.node.lasting import LastingVariables
from flowc.compiler.node.outcome import BodyResult
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.changed_values import ChangedValues
from flowc.compiler.running.events import EventSink
from flowc.compiler.running.node_spans import NodeTracer
from flowc.compiler.running.recorded import Recording
from flowc.compiler.running.redaction import KnownSecrets

# Shared by the runs of this process if the host passes no guards of its own.
GUARDS = Guards()


class RunSecret(NamedTuple):
    """A secret that a node may read; if it has `hosts`, the node can call no others."""

    value: str
    hosts: tuple[str, ...] = ()


# Takes the name of a secret and, if the node is in a stored workflow that the run's own workflow
# runs, the id of that one; raises NodeError if the workflow may not read the secret.
SecretLookup = Callable[[str, str | None], Awaitable[RunSecret | None]]


async def no_secret(name: str, workflow_id: str | None) -> None:
    """Return None: the host has no secrets."""


@dataclass(frozen=True)
class RunContext:
    """What a run has in addition to its state; none of it is stored.

    - `guards` are shared by the runs of a process; entries in them are separate by `tenant`.
    - `secret` returns a secret, and `secret_hint` says how to set one; `known` are those that
      were read so far, which are redacted from all that nodes return and emit.
    - `env` are the values that the operator set for this environment.
    - `saver` is the run's LangGraph checkpointer, which also stores the journals of regions;
      `is_resumed` means that there may be journals from an earlier attempt.
    - If the run `can_wait`, it ends when a node waits, and is resumed later: `answers` are the
      answers so far by interrupt id, `waiting` are the nodes (path and id) whose `node.waiting`
      event was emitted before, and it stops at `breakpoints`. Otherwise nodes wait in the process,
      with `wait_for`.
    - `changed` are the values that a person has changed, and no node has written since.
    - `counted` are results in journals (path, node and key) whose usage an event has counted.
    - `recording` has results to use instead of running nodes.
    - `lost_to` returns what a race was decided by without the node that runs this, if one was.
    - `max_steps` limits the node executions of each region.
    - `lasting` stores the variables that outlive the run.
    - `tracer` begins the spans of nodes, if the host traces the run.
    - `hold_up` returns what a node must await before it begins, if what the run did is not stored
      yet and should be; `commit` stores what the run did.
    """

    run_id: str = "run"
    workflow_id: str = "workflow"
    tenant: str = "default"
    emit: EventSink = lambda event: None
    services: Mapping[type, Any] = field(default_factory=dict)
    secret: SecretLookup = no_secret
    secret_hint: Callable[[str], str | None] = lambda name: None
    env: Mapping[str, Any] = field(default_factory=dict)
    known: KnownSecrets = field(default_factory=KnownSecrets)
    guards: Guards = GUARDS
    saver: Any = None
    is_resumed: bool = False
    can_wait: bool = False
    wait_for: WaitFor = wait_here
    answers: Mapping[str, Answer] = field(default_factory=dict)
    waiting: frozenset[tuple[str, str]] = frozenset()
    counted: frozenset[tuple[str, str, str]] = frozenset()
    breakpoints: Breakpoints | None = None
    changed: ChangedValues = field(default_factory=ChangedValues)
    recording: Recording | None = None
    lasting: LastingVariables | None = None
    tracer: NodeTracer | None = None
    lost_to: Callable[[], str | None] = lambda: None
    max_steps: int = 10_000
    budget: Budget = UNLIMITED
    hold_up: Callable[[], Awaitable[None] | None] | None = None
    commit: Callable[[], Awaitable[None]] | None = None
    now: Callable[[], datetime] = utc_now


class View(NamedTuple):
    """The part of a run's state that a node can read.

    `names` are the names of the bodies around it (such as `item`), `path` is its place in them, and
    `task` is the id of its LangGraph task. `edges` say how edges have settled, and how often those
    that close loops were taken.
    """

    input: Mapping[str, Any]
    outputs: Mapping[str, Any]
    variables: Mapping[str, Any]
    names: Mapping[str, Any] = MappingProxyType({})
    path: str = ""
    task: str = ""
    edges: Mapping[str, Any] = MappingProxyType({})


class NodeFailed(Exception):
    """A node failed, and its workflow does not continue after that; all of it is safe to show.

    `left` is what the nodes around it have left: their outputs and variables.
    """

    def __init__(
        self,
        code: str,
        message: str,
        node_id: str,
        attempt: int,
        at: Pointer = (),
        evidence: Evidence = NO_EVIDENCE,
    ) -> None:
        self.code, self.message, self.node_id, self.attempt = code, message, node_id, attempt
        self.at, self.evidence = at, evidence
        self.left: BodyResult | None = None
        super().__init__(f"{node_id}: {message}")
