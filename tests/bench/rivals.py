"""The rivals: LangGraph as a good engineer writes it by hand, and Jinja2's sandbox."""

import asyncio
import operator
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

PAYLOAD = "".join(chr(97 + (7 * n * n + n) % 26) for n in range(1024))


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {**old, **new}


def _merge_all(old: Mapping[str, Any], writes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged = dict(old)
    for write in writes:
        merged.update(write)
    return merged


class Merged(TypedDict):
    outputs: Annotated[dict[str, Any], _merge]


class Delta(TypedDict):
    outputs: Annotated[dict[str, Any], DeltaChannel(_merge_all, snapshot_frequency=1000)]


def _node(name: str, seconds: float = 0.0) -> Any:
    async def work(state: Any) -> dict[str, Any]:
        if seconds:
            await asyncio.sleep(seconds)
        return {"outputs": {name: {"value": PAYLOAD}}}

    return work


def chain(count: int, state: Any = Merged) -> Any:
    """Return a chain of nodes that each return a kilobyte."""
    graph = StateGraph(state)
    for index in range(count):
        graph.add_node(f"n{index}", _node(f"n{index}"))
        graph.add_edge(f"n{index - 1}" if index else START, f"n{index}")
    return graph.compile()


def chain_delta(count: int) -> Any:
    """Return the same chain with a delta channel, which is better with a checkpointer."""
    return chain(count, Delta)


class Looping(TypedDict):
    index: int
    last: dict[str, Any]


def loop(turns: int) -> Any:
    """Return one node that leads back to itself."""

    async def body(state: Looping) -> Command[Any]:
        index = state["index"] + 1
        update = {"index": index, "last": {"value": PAYLOAD}}
        return Command(update=update, goto="body" if index < turns else END)

    graph = StateGraph(Looping)
    graph.add_node("body", body, destinations=("body", END))
    graph.add_edge(START, "body")
    return graph.compile()


class Mapping_(TypedDict):
    items: list[int]
    results: Annotated[list[Any], operator.add]


def map_items(count: int) -> Any:
    """Return a graph with one task for each item, sent by a conditional edge."""

    async def start(state: Mapping_) -> None:
        return None

    async def work(item: Any) -> dict[str, Any]:
        return {"results": [(item["index"], PAYLOAD)]}

    def send(state: Mapping_) -> list[Send]:
        return [Send("work", {"index": index}) for index in state["items"]]

    graph: Any = StateGraph(Mapping_)
    graph.add_node("start", start)
    graph.add_node("work", work)
    graph.add_edge(START, "start")
    graph.add_conditional_edges("start", send, ["work"])
    graph.add_edge("work", END)
    return graph.compile()


def jinja_condition() -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment().compile_expression("a.output.category == 'technical'")


def jinja_text(source: str) -> Any:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(keep_trailing_newline=True).from_string(source).render
