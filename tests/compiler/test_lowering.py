"""LangGraph's own ways of looking at a graph work on a compiled one."""

from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.config import get_config

from fakes import flows
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node import Context, Node
from flowc.compiler.running.run_context import RunContext


class Where(Node):
    """Say in which LangGraph node this runs."""

    type: ClassVar = "where"

    async def run(self, context: Context) -> str:
        return str(get_config().get("metadata", {})["langgraph_node"])


def _chain() -> CompiledWorkflow:
    nodes = [{"id": "a", "type": "where"}, {"id": "b", "type": "where"}]
    return flows.compiled({"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}, Where)


class Heard(AsyncCallbackHandler):
    """The names of what began."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def on_chain_start(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        self.names.append(name)


async def _outputs(workflow: CompiledWorkflow, config: Any = None) -> Any:
    state = await workflow.graph.ainvoke(workflow.initial_state({}), config, context=RunContext())
    return state["outputs"]


async def test_nodes_see_their_own_configuration_and_leave_none_behind() -> None:
    assert await _outputs(_chain()) == {"a": "a", "b": "b"}
    assert var_child_runnable_config.get() is None


async def test_callback_handlers_receive_every_node() -> None:
    heard, workflow = Heard(), _chain()
    assert await _outputs(workflow, {"callbacks": [heard]}) == {"a": "a", "b": "b"}
    assert {"a", "b"} <= set(heard.names)


async def test_updates_and_messages_are_streamed() -> None:
    workflow, modes = _chain(), list[Any]()
    async for mode, part in workflow.graph.astream(
        workflow.initial_state({}), context=RunContext(), stream_mode=["updates", "messages"]
    ):
        modes.append((mode, list(part)))
    assert modes == [("updates", ["a"]), ("updates", ["b"])]
