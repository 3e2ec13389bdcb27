"""Tests at start that the libraries still behave as flowc needs beyond their documented promises.

An upgrade that breaks one of these is reported when the server starts, not in the middle of a run.
"""

import copy
from contextlib import suppress
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, ClassVar

import httpx
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.definition import Granularity
from flowc.compiler.node import Context, Node, NodeError
from flowc.compiler.node.registry import Registry
from flowc.compiler.planning.sections import WHOLE
from flowc.compiler.reading.documents import from_data
from flowc.compiler.running.run_context import NodeFailed, RunContext
from flowc.nodes.services.egress import EgressDenied, EgressPolicy
from flowc.nodes.services.egress.transport import GuardedBackend, GuardedTransport
from flowc.server.engine.checkpointer import WAKING


class SelfTestFailed(Exception):
    """A library behaves differently from what flowc relies on."""


class _Turns(dict[str, int]):
    """How often each node ran."""


class _Step(Node):
    """Count its runs; the node `second` fails the first time."""

    type: ClassVar = "step"

    async def run(self, context: Context) -> int:
        turns = context.service(_Turns)
        turns[context.node_id] = turns.get(context.node_id, 0) + 1
        if context.node_id == "second" and turns["second"] == 1:
            raise NodeError("first-turn", "The first turn fails.")
        return turns[context.node_id]


async def self_test() -> None:
    """Raise SelfTestFailed if a library behaves differently from what flowc relies on."""
    _require_waking_channels(_chain("node"))
    await _require_direct_calls(_chain("node"))
    await _require_journal(_chain("fused"))
    await _require_visible_nodes(_chain("fused"))
    await _require_guard()


def _chain(granularity: Granularity) -> CompiledWorkflow:
    nodes = [{"id": "first", "type": "step"}, {"id": "second", "type": "step"}]
    definition = {"nodes": nodes, "edges": [{"source": "first", "target": "second"}]}
    return compile_workflow(from_data(definition), Registry([_Step]), granularity)


def _require_waking_channels(workflow: CompiledWorkflow) -> None:
    """Checkpoints are made small by the names that LangGraph gives to the channels of nodes."""
    channels = workflow.graph.channels
    missing = [name for name in workflow.plan.nodes if f"{WAKING}{name}" not in channels]
    if missing:
        message = f"LangGraph has no channel {WAKING}{missing[0]}: checkpoints would grow."
        raise SelfTestFailed(message)


async def _require_direct_calls(workflow: CompiledWorkflow) -> None:
    """Nodes are called without LangGraph's callbacks, by an attribute that is not documented."""
    context, called = RunContext(services={_Turns: _Turns()}), list[str]()

    class Replacement(Runnable[Any, Any]):
        def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            raise NotImplementedError

        async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            called.append("first")

    workflow.graph.nodes["first"].node = Replacement()
    with suppress(NodeFailed):
        await workflow.graph.ainvoke(workflow.initial_state({}), context=context)
    if not called:
        raise SelfTestFailed(
            "LangGraph looks nodes up elsewhere than before: each run of a node would cost more."
        )


async def _require_journal(workflow: CompiledWorkflow) -> None:
    """Regions store what they did among a checkpoint's pending writes, under a name of ours."""
    saver, turns = InMemorySaver(), _Turns()
    graph: Any = copy.copy(workflow.graph)
    graph.checkpointer = saver
    config: RunnableConfig = {"configurable": {"thread_id": "self-test"}}
    for is_resumed in (False, True):
        context = RunContext(services={_Turns: turns}, saver=saver, is_resumed=is_resumed)
        given = None if is_resumed else workflow.initial_state({})
        with suppress(NodeFailed):
            await graph.ainvoke(given, config, context=context, durability="sync")
    if turns != {"first": 1, "second": 2}:
        message = f"LangGraph does not return what a region wrote: its nodes ran {dict(turns)}."
        raise SelfTestFailed(message)


async def _require_visible_nodes(workflow: CompiledWorkflow) -> None:
    """Regions are shown as sub-graphs: by an attribute of nodes, and by a key that streams have."""
    drawn = workflow.graph.get_graph(xray=True).nodes
    streamed = set[str]()
    context = RunContext(services={_Turns: _Turns()})
    stream = workflow.graph.astream(
        workflow.initial_state({}), context=context, stream_mode="updates", subgraphs=True
    )
    with suppress(NodeFailed):
        async for namespace, update in stream:
            streamed |= set(update) if namespace else set()
    if f"{WHOLE}:first" not in drawn or "first" not in streamed:
        raise SelfTestFailed("LangGraph does not show the nodes of a region as a sub-graph.")


async def _require_guard() -> None:
    """The guard of outgoing connections is in a place of httpx that is not documented."""
    # A context without certificates: to load these takes longer than the test.
    transport = GuardedTransport(GuardedBackend(EgressPolicy()), SSLContext(PROTOCOL_TLS_CLIENT))
    client = httpx.AsyncClient(transport=transport, trust_env=False)
    try:
        await client.get("http://127.0.0.1:9/")
    except EgressDenied:
        return
    except Exception as problem:
        message = f"httpx connected without the egress guard: {type(problem).__name__}."
        raise SelfTestFailed(message) from problem
    finally:
        await client.aclose()
    raise SelfTestFailed("httpx connected without the egress guard.")
