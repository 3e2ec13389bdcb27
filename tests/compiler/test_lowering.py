"""LangGraph's own ways of looking at a graph work on a compiled one."""

import copy
from typing import Any, ClassVar

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config, get_stream_writer

from fakes import flows
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.node import Context, Node
from flowc.compiler.running.run_context import NodeFailed, RunContext


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


class Chatting(Node):
    """Write to the stream of the run, and ask a model of LangChain."""

    type: ClassVar = "chatting"

    async def run(self, context: Context) -> str:
        get_stream_writer()(f"{context.node_id} writes")
        return str((await FakeListChatModel(responses=["yes"]).ainvoke("?")).content)


FORK = {
    "nodes": [
        {"id": "a", "type": "note"},
        {"id": "b", "type": "chatting", "depends_on": ["a"]},
        {"id": "c", "type": "where", "depends_on": ["b"]},
        {"id": "d", "type": "note", "depends_on": ["a"]},
        {"id": "e", "type": "note", "depends_on": ["c", "d"]},
    ]
}
# The nodes of its region, at each granularity that has one.
REGIONS = {"auto": ("from a", {"a", "b", "c", "d"}), "fused": ("workflow", set("abcde"))}


@pytest.fixture(params=REGIONS)
def fork(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CompiledWorkflow:
    monkeypatch.setattr(flows, "GRANULARITY", request.param)
    return flows.compiled(FORK, Chatting, Where)


@pytest.fixture
def region(request: pytest.FixtureRequest, fork: CompiledWorkflow) -> tuple[str, set[str]]:
    return REGIONS[request.node.callspec.params["fork"]]


async def _streamed(workflow: CompiledWorkflow, *modes: Any, subgraphs: bool) -> list[Any]:
    context = RunContext(services={flows.Turns: flows.Turns()})
    given = workflow.initial_state({})
    stream = workflow.graph.astream(
        given, context=context, stream_mode=list(modes), subgraphs=subgraphs
    )
    return [part async for part in stream]


def test_a_region_is_drawn_as_a_sub_graph(
    fork: CompiledWorkflow, region: tuple[str, set[str]]
) -> None:
    name, inner = region
    assert name in fork.graph.get_graph().nodes
    drawn = fork.graph.get_graph(xray=True)
    assert {f"{name}:{node}" for node in inner} <= set(drawn.nodes)
    assert name not in drawn.nodes
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert {(f"{name}:a", f"{name}:b"), (f"{name}:b", f"{name}:c")} <= edges
    assert "subgraph" in drawn.draw_mermaid()


async def test_nodes_of_a_region_are_streamed_under_its_namespace(
    fork: CompiledWorkflow, region: tuple[str, set[str]]
) -> None:
    name, inner = region
    parts = await _streamed(fork, "updates", "tasks", "custom", subgraphs=True)
    by_mode: dict[str, list[Any]] = {"updates": [], "tasks": [], "custom": []}
    namespaces = {namespace for namespace, _, _ in parts if namespace}
    for namespace, mode, data in parts:
        if namespace:
            by_mode[mode].append(data)
    [(namespace,)] = namespaces
    assert namespace.startswith(f"{name}:")
    assert {node for update in by_mode["updates"] for node in update} == inner
    assert {"b": {"outputs": {"b": "yes"}}} in by_mode["updates"]
    begun = {task["name"]: task["id"] for task in by_mode["tasks"] if "input" in task}
    done = {task["name"]: task for task in by_mode["tasks"] if "result" in task}
    assert set(begun) == set(done) == inner
    assert {name: task["id"] for name, task in done.items()} == begun
    assert done["b"]["result"] == {"outputs": {"b": "yes"}}
    assert by_mode["custom"] == ["b writes"]


async def test_without_sub_graphs_a_stream_has_the_region_and_what_its_nodes_write(
    fork: CompiledWorkflow, region: tuple[str, set[str]]
) -> None:
    name, inner = region
    parts = await _streamed(fork, "updates", "custom", "messages", subgraphs=False)
    updates = [data for mode, data in parts if mode == "updates"]
    assert {node for update in updates for node in update} == {name, *"abcde"} - inner
    assert [data for mode, data in parts if mode == "custom"] == ["b writes"]
    messages = [data for mode, data in parts if mode == "messages"]
    assert {metadata["langgraph_node"] for _, metadata in messages} == {"b"}


async def test_messages_are_streamed_under_the_namespace_of_their_region(
    fork: CompiledWorkflow, region: tuple[str, set[str]]
) -> None:
    parts = await _streamed(fork, "messages", subgraphs=True)
    found = {
        (namespace[0].split(":")[0], data[1]["langgraph_node"]) for namespace, _, data in parts
    }
    assert found == {(region[0], "b")}


async def test_a_node_of_a_region_that_fails_is_streamed_as_a_task_with_its_error(
    fork: CompiledWorkflow,
) -> None:
    tasks: list[Any] = []
    # Without the service that counts its turns, `a` fails.
    with pytest.raises(NodeFailed, match="a: "):
        async for namespace, task in fork.graph.astream(
            fork.initial_state({}), context=RunContext(), stream_mode="tasks", subgraphs=True
        ):
            if namespace:
                tasks.append(task)
    assert [task["name"] for task in tasks] == ["a", "a"]
    assert isinstance(tasks[1]["error"], NodeFailed)


async def test_a_node_of_a_region_that_waits_is_streamed_as_a_task_with_its_question(
    region: tuple[str, set[str]],
) -> None:
    ask = {"id": "ask", "type": "human", "config": {"title": "?"}, "depends_on": ["a"]}
    nodes = [FORK["nodes"][0], ask, FORK["nodes"][3]]
    graph = copy.copy(flows.compiled({"nodes": nodes}).graph)
    graph.checkpointer = saver = InMemorySaver()
    thread: Any = {"configurable": {"thread_id": "t"}}
    services = {flows.Turns: flows.Turns()}
    context = RunContext(services=services, saver=saver, can_wait=True)
    given: Any = {"input": {}, "outputs": {}}
    tasks: list[Any] = []
    stream: Any = graph.astream(given, thread, context=context, stream_mode="tasks", subgraphs=True)
    async for namespace, task in stream:
        if namespace and task["name"] == "ask" and "interrupts" in task:
            tasks += task["interrupts"]
    [asked] = tasks
    assert asked["value"]["data"]["title"] == "?"
    # Its state is that of the region: there is no checkpoint of a sub-graph.
    state = await graph.aget_state(thread, subgraphs=True)
    assert [task.name for task in state.tasks] == [region[0]]
    assert [each.value[0]["id"] for each in state.interrupts] == [asked["id"]]


async def test_callback_handlers_receive_every_node_of_a_region(fork: CompiledWorkflow) -> None:
    heard, context = Heard(), RunContext(services={flows.Turns: flows.Turns()})
    given: Any = fork.initial_state({})
    state = await fork.graph.ainvoke(given, {"callbacks": [heard]}, context=context)
    assert set("abcde") <= set(heard.names)
    assert state["outputs"]["c"] == "c"
    assert var_child_runnable_config.get() is None
