"""Drives runs in segments, without a server."""

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from fakes.flows import Turns, compiled
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.guards import Guards
from flowc.compiler.node import Node
from flowc.compiler.node.interrupts import Answer
from flowc.compiler.node.outcome import total_usage
from flowc.compiler.running.events import Event
from flowc.compiler.running.run_context import RunContext
from flowc.server.records.run_events import RunEvent
from flowc.server.records.usage import UsageCount


class Run:
    """A run in segments, each with a new context, as after a restart."""

    def __init__(
        self, definition: Any, services: Mapping[type, Any] | None = None, *more: type[Node]
    ) -> None:
        self.workflow: CompiledWorkflow = compiled(definition, *more)
        self.saver, self.turns = InMemorySaver(), Turns()
        self.services = services or {}
        # Not those of the process: what fails in one test must not open a circuit for another.
        self.guards = Guards()
        self.events: list[Event] = []
        self.waiting: set[tuple[str, str]] = set()
        self.output: Any = None
        self.outputs: dict[str, Any] = {}
        self.asked: dict[str, dict[str, Any]] = {}
        self._has_begun = False

    async def resume(self, answers: Mapping[str, Answer] | None = None, resume: Any = None) -> None:
        graph: Any = copy.copy(self.workflow.graph)
        graph.checkpointer = self.saver
        context = RunContext(
            emit=self.events.append,
            services={Turns: self.turns, **self.services},
            guards=self.guards,
            saver=self.saver,
            is_resumed=self._has_begun,
            can_wait=True,
            answers=answers or {},
            waiting=frozenset(self.waiting),
            counted=frozenset(self.usage()[1].journaled),
        )
        first = None if self._has_begun else self.workflow.initial_state({})
        given = Command(resume=resume) if resume is not None else first
        self._has_begun = True
        config = {"configurable": {"thread_id": "r"}, "recursion_limit": 1000}
        state = await graph.ainvoke(given, config, context=context, durability="sync")
        waits = [i for task in state.get("__interrupt__", ()) for i in task.value]
        self.asked = {interrupt["id"]: interrupt for interrupt in waits}
        for event in self.events:
            place = (event.path, event.node_id or "")
            if event.kind == "node.waiting":
                self.waiting.add(place)
            elif event.kind in {"node.completed", "node.failed"}:
                self.waiting.discard(place)
        self.outputs = state["outputs"]
        self.output = self.workflow.plan.result(state["outputs"]) if not waits else None

    def usage(self) -> tuple[dict[str, float], UsageCount]:
        """Return what the run has used so far, as the server counts it."""
        count = UsageCount()
        return total_usage([count.added_by(RunEvent.of(event)) for event in self.events]), count

    def id_of(self, node_id: str, path: str = "") -> str:
        found = [i for i, a in self.asked.items() if (a["node_id"], a["path"]) == (node_id, path)]
        assert len(found) == 1, self.asked
        return found[0]

    def events_by_node(self, kind: str) -> Counter[str]:
        return Counter(event.node_id or "" for event in self.events if event.kind == kind)
