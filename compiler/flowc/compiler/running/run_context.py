"""What does a run have besides its state, and what of its state may a node read?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from flowc.compiler.guards import Guards
from flowc.compiler.node import utc_now
from flowc.compiler.node.budget import UNLIMITED, Budget
from flowc.compiler.node.interrupts import Answer, WaitFor, wait_here
from flowc.compiler.running.breakpoints import Breakpoints
from flowc.compiler.running.events import EventSink
from flowc.compiler.running.recorded import Recording

# What the runs of this process share where their host has nothing of its own.
GUARDS = Guards()

SecretLookup = Callable[[str], str | None]


@dataclass(frozen=True)
class RunContext:
    """What a run has besides its state: services, secrets, listeners. None of it is ever stored.

    `guards` are shared by the runs of a process, and what they keep is told apart by `tenant`.
    `saver` is the LangGraph checkpointer that the run has, for the journals of regions;
    `is_resumed` says that there may be such journals already. Unless the run `can_wait`, nodes that
    wait do so in the process, by `wait_for`. If it can, `answers` are
    those that have come, by the ids of their interrupts, and `waiting` are the nodes, by path and
    id, of which has been told that they wait; it stops at `breakpoints`. What is in the
    `recording` is not done again.
    """

    run_id: str = "run"
    workflow_id: str = "workflow"
    tenant: str = "default"
    emit: EventSink = lambda event: None
    services: Mapping[type, Any] = field(default_factory=dict)
    secret: SecretLookup = lambda name: None
    guards: Guards = GUARDS
    saver: Any = None
    is_resumed: bool = False
    can_wait: bool = False
    wait_for: WaitFor = wait_here
    answers: Mapping[str, Answer] = field(default_factory=dict)
    waiting: frozenset[tuple[str, str]] = frozenset()
    breakpoints: Breakpoints | None = None
    recording: Recording | None = None
    max_steps: int = 10_000
    budget: Budget = UNLIMITED
    now: Callable[[], datetime] = utc_now


class View(NamedTuple):
    """The part of a run's state that a node may read; `task` is its LangGraph task's id."""

    input: Mapping[str, Any]
    outputs: Mapping[str, Any]
    variables: Mapping[str, Any]
    names: Mapping[str, Any] = MappingProxyType({})
    path: str = ""
    task: str = ""


class NodeFailed(Exception):
    """A run ends with this when a node failed for good; the message is safe to store and show."""

    def __init__(
        self, code: str, message: str, node_id: str, attempt: int, at: tuple[str | int, ...] = ()
    ) -> None:
        self.code, self.message, self.node_id, self.attempt = code, message, node_id, attempt
        self.at = at
        super().__init__(f"{node_id}: {message}")
