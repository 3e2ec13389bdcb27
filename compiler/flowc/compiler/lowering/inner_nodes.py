"""Shows the nodes of a region as LangGraph shows those of a sub-graph.

`get_graph(xray=True)` draws them. With `subgraphs=True`, a stream reports them in the modes
`updates`, `tasks` and `custom`, under the region's name and task:

    (("from plan:6f2a…",), "updates", {"search": {"outputs": {"search": …}}})

Callback handlers, such as those of a tracer, receive each of them; without a stream and handlers,
showing them costs nothing.

LangGraph looks for the sub-graphs of a node in `PregelNode.subgraphs`, and hands the stream to them
in a run's configuration, under a key of its own. Neither is part of its public API; the server's
self-test checks both at every start.
"""

import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, overload

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import (
    get_async_callback_manager_for_config,
    patch_config,
    var_child_runnable_config,
)
from langgraph._internal._constants import CONFIG_KEY_STREAM
from langgraph.pregel._read import PregelNode
from langgraph.pregel.protocol import PregelProtocol

from flowc.compiler.lowering.direct_calls import has_handlers
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
    """Return what reports the nodes of a region, or None if no one looks."""
    if config is None:
        return None
    stream = config.get("configurable", {}).get(CONFIG_KEY_STREAM)
    return _Reports(config, stream) if stream is not None or has_handlers(config) else None


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


class _Reports:
    """Reports each node of a region to the callback handlers of a run, and to its stream."""

    def __init__(self, config: RunnableConfig, stream: Any) -> None:
        self._config, self._stream = config, stream
        self._configurable = config.get("configurable", {})
        self._namespace: str = self._configurable["checkpoint_ns"]

    async def __call__(
        self, node: PlannedNode, view: View, turn: int, work: Coroutine[Any, Any, Outcome]
    ) -> Outcome:
        state, task = _state_in(view), {"id": self._task_id(node, turn), "name": node.id}
        self._report("tasks", {**task, "input": state, "triggers": ()})
        result: dict[str, Any] = {"error": None, "result": {}, "interrupts": []}
        try:
            update = update_after(node, outcome := await self._announced(node, task, state, work))
        except Interrupted as stopped:
            asked = [{"value": each.as_json(), "id": each.id} for each in stopped.interrupts]
            self._report("tasks", {**task, **result, "interrupts": asked})
            raise
        except Exception as problem:
            self._report("tasks", {**task, **result, "error": problem})
            raise
        self._report("updates", {node.id: update})
        self._report("tasks", {**task, **result, "result": update})
        return outcome

    async def _announced(
        self,
        node: PlannedNode,
        task: Mapping[str, str],
        state: dict[str, Any],
        work: Coroutine[Any, Any, Outcome],
    ) -> Outcome:
        """Do the work as the run of a node that callback handlers receive."""
        config = self._config_of(node, task["id"])
        manager = get_async_callback_manager_for_config(config)
        running = await manager.on_chain_start(None, state, name=node.id)
        # `get_config` and `get_stream_writer` in the node find the run through this variable.
        inner = patch_config(config, callbacks=running.get_child())
        token = var_child_runnable_config.set(inner)
        try:
            outcome = await work
        except BaseException as problem:
            await running.on_chain_error(problem)
            raise
        finally:
            var_child_runnable_config.reset(token)
        await running.on_chain_end(update_after(node, outcome))
        return outcome

    def _report(self, mode: str, data: dict[str, Any]) -> None:
        if self._stream is not None and mode in self._stream.modes:
            self._stream((tuple(self._namespace.split(_SEPARATOR)), mode, data))

    def _task_id(self, node: PlannedNode, turn: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._namespace}/{node.id}#{turn}"))

    def _config_of(self, node: PlannedNode, task_id: str) -> RunnableConfig:
        """Return the configuration as the node would see it in a sub-graph."""
        config, names = self._config, {"langgraph_node": node.id}
        configurable = self._configurable
        # A stream without sub-graphs leaves out the parts of other namespaces than its own.
        if self._stream is not None:
            namespace = f"{self._namespace}{_SEPARATOR}{node.id}:{task_id}"
            names["langgraph_checkpoint_ns"] = namespace
            configurable = {**configurable, "checkpoint_ns": namespace}
        metadata = {**config.get("metadata", {}), **names}
        return {**config, "metadata": metadata, "configurable": configurable}


def _state_in(view: View) -> dict[str, Any]:
    state = {"input": view.input, "outputs": dict(view.outputs)}
    return {**state, "variables": dict(view.variables)} if view.variables else state
