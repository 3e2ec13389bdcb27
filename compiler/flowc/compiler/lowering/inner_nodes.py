"""Shows the nodes of a region as LangGraph shows those of a sub-graph.

`get_graph(xray=True)` draws them, and with `subgraphs=True` a stream reports them in the modes
`updates`, `tasks` and `custom`, under the region's name and task:

    (("from plan:6f2a…",), "updates", {"search": {"outputs": {"search": …}}})

LangGraph looks for the sub-graphs of a node in `PregelNode.subgraphs`, and hands the stream to them
in a run's configuration, under a key of its own. Neither is part of its public API; the server's
self-test checks both at every start.
"""

import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, overload

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import CONFIG_KEY_STREAM
from langgraph.pregel._read import PregelNode
from langgraph.pregel.protocol import PregelProtocol, StreamProtocol

from flowc.compiler.node import Outcome
from flowc.compiler.node.interrupts import Interrupted
from flowc.compiler.planning.plan import PlannedNode
from flowc.compiler.running.region import Around
from flowc.compiler.running.run_context import View
from flowc.compiler.running.updates import update_after

Subgraph = PregelProtocol[Any, Any, Any, Any]
_SEPARATOR = "|"


def show_inside(node: PregelNode, make: Callable[[], Subgraph]) -> None:
    """Show what `make` returns as the sub-graph of a node."""
    node.subgraphs = _MadeLater(make)


def shown_inside(config: RunnableConfig | None) -> Around | None:
    """Return what reports the nodes of a region to the stream of a run, or None if it has none."""
    configured = (config or {}).get("configurable", {})
    stream = configured.get(CONFIG_KEY_STREAM)
    return _Reports(stream, config or {}, configured["checkpoint_ns"]) if stream else None


class _MadeLater(Sequence[Subgraph]):
    """One graph, which is made when it is looked at: few runs have their graph drawn."""

    def __init__(self, make: Callable[[], Subgraph]) -> None:
        self._make, self._made = make, list[Subgraph]()

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> Subgraph: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Subgraph]: ...

    def __getitem__(self, index: int | slice) -> Subgraph | Sequence[Subgraph]:
        if not self._made:
            self._made.append(self._make())
        return self._made[index]


@dataclass(frozen=True)
class _Reports:
    """Reports each node of a region to a stream; `namespace` is that of the region's task."""

    stream: StreamProtocol
    config: RunnableConfig
    namespace: str

    async def __call__(
        self, node: PlannedNode, view: View, turn: int, work: Coroutine[Any, Any, Outcome]
    ) -> Outcome:
        task = {"id": self._task_id(node, turn), "name": node.id}
        self._report("tasks", {**task, "input": _state_in(view), "triggers": ()})
        result: dict[str, Any] = {"error": None, "result": {}, "interrupts": []}
        token = var_child_runnable_config.set(self._config_of(node, task["id"]))
        try:
            outcome = await work
        except Interrupted as stopped:
            asked = [{"value": each.as_json(), "id": each.id} for each in stopped.interrupts]
            self._report("tasks", {**task, **result, "interrupts": asked})
            raise
        except Exception as problem:
            self._report("tasks", {**task, **result, "error": problem})
            raise
        finally:
            var_child_runnable_config.reset(token)
        update = update_after(node, outcome)
        self._report("updates", {node.id: update})
        self._report("tasks", {**task, **result, "result": update})
        return outcome

    def _report(self, mode: Any, data: dict[str, Any]) -> None:
        if mode in self.stream.modes:
            emit: Any = self.stream
            emit((tuple(self.namespace.split(_SEPARATOR)), mode, data))

    def _task_id(self, node: PlannedNode, turn: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.namespace}/{node.id}#{turn}"))

    def _config_of(self, node: PlannedNode, task_id: str) -> RunnableConfig:
        """Return the configuration as the node would see it in a sub-graph."""
        namespace = f"{self.namespace}{_SEPARATOR}{node.id}:{task_id}"
        names = {"langgraph_node": node.id, "langgraph_checkpoint_ns": namespace}
        return {
            **self.config,
            "metadata": {**self.config.get("metadata", {}), **names},
            "configurable": {**self.config["configurable"], "checkpoint_ns": namespace},
        }


def _state_in(view: View) -> dict[str, Any]:
    state = {"input": view.input, "outputs": dict(view.outputs)}
    return {**state, "variables": dict(view.variables)} if view.variables else state
