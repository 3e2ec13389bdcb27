"""The works as LangGraph graphs, written by hand; each with its first state and what it answers."""

import asyncio
import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import httpx
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from bench import rivals
from bench.works import CHAINS, FAST, LENGTH, SLOW, TEXT, TURNS

Ask = Callable[[str], Awaitable[str]]
Begin = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Handwritten:
    """A compiled graph, how a request becomes its state, and how its state becomes the answer."""

    graph: Any
    begin: Begin
    answer: Callable[[dict[str, Any]], Any]


class Chatting(TypedDict):
    message: str
    prompt: str
    text: str
    words: int


def chat(ask: Ask) -> Handwritten:
    async def write_prompt(state: Chatting) -> dict[str, Any]:
        return {"prompt": f"Answer in one sentence: {state['message']}"}

    async def ask_model(state: Chatting) -> dict[str, Any]:
        return {"text": await ask(state["prompt"])}

    async def count(state: Chatting) -> dict[str, Any]:
        return {"words": len(state["text"].split())}

    graph: Any = StateGraph(Chatting)
    graph.add_sequence([("write_prompt", write_prompt), ("ask", ask_model), ("count", count)])
    graph.add_edge(START, "write_prompt")
    return Handwritten(graph.compile(), dict, lambda s: {"text": s["text"], "words": s["words"]})


class Greeting(TypedDict):
    name: str
    text: str


def one() -> Handwritten:
    async def say(state: Greeting) -> dict[str, Any]:
        return {"text": f"Hello {state['name']}!"}

    graph: Any = StateGraph(Greeting)
    graph.add_node("say", say)
    graph.add_edge(START, "say")
    return Handwritten(graph.compile(), dict, lambda state: {"text": state["text"]})


def chain(count: int, is_delta: bool) -> Handwritten:
    graph = rivals.chain_delta(count) if is_delta else rivals.chain(count)
    last = f"n{count - 1}"
    return Handwritten(graph, lambda given: {"outputs": {}}, lambda state: state["outputs"][last])


class Items(TypedDict):
    items: list[int]
    results: Annotated[list[str], operator.add]
    text: str


def map_items() -> Handwritten:
    async def work(item: Any) -> dict[str, Any]:
        return {"results": [f"Item {item['item']} is done."]}

    return _mapped(work)


def map_calls(client: httpx.AsyncClient, url: str) -> Handwritten:
    async def work(item: Any) -> dict[str, Any]:
        response = await client.get(url, params={"number": item["item"]})
        response.raise_for_status()
        return {"results": [response.json()]}

    return _mapped(work)


def map_pauses() -> Handwritten:
    async def work(item: Any) -> dict[str, Any]:
        await asyncio.sleep(SLOW)
        return {"results": [TEXT]}

    return _mapped(work)


def _mapped(work: Any) -> Handwritten:
    """Return a graph that sends each item to a task, and joins them."""

    def send(state: Items) -> list[Send]:
        return [Send("work", {"item": item}) for item in state["items"]]

    async def join(state: Items) -> dict[str, Any]:
        return {"text": f"{len(state['results'])} items are done."}

    graph: Any = StateGraph(Items)
    graph.add_node("work", work)
    graph.add_node("join", join)
    graph.add_conditional_edges(START, send, ["work"])
    graph.add_edge("work", "join")
    return Handwritten(
        graph.compile(), lambda given: {**given, "results": []}, lambda state: state["text"]
    )


class Looping(TypedDict):
    index: int
    text: str


def loop() -> Handwritten:
    async def count(state: Looping) -> dict[str, Any]:
        return {"text": f"Turn {state['index']}"}

    async def note(state: Looping) -> Command[Any]:
        index = state["index"] + 1
        update = {"index": index, "text": f"{state['text']}."}
        return Command(update=update, goto="count" if index < TURNS else END)

    graph: Any = StateGraph(Looping)
    graph.add_node("count", count)
    graph.add_node("note", note, destinations=("count", END))
    graph.add_edge(START, "count")
    graph.add_edge("count", "note")
    return Handwritten(
        graph.compile(), lambda given: {"index": 0, "text": ""}, lambda state: state["text"]
    )


def zigzag() -> Handwritten:
    def pause(name: str, seconds: float) -> Any:
        async def work(state: Any) -> dict[str, Any]:
            await asyncio.sleep(seconds)
            return {"outputs": {name: {"value": TEXT}}}

        return work

    graph: Any = StateGraph(rivals.Merged)
    for c in range(CHAINS):
        for i in range(LENGTH):
            name = f"c{c}n{i}"
            graph.add_node(name, pause(name, SLOW if (i + c) % 2 == 0 else FAST))
            graph.add_edge(f"c{c}n{i - 1}" if i else START, name)
    graph.add_node("join", pause("join", 0))
    graph.add_edge([f"c{c}n{LENGTH - 1}" for c in range(CHAINS)], "join")
    return Handwritten(
        graph.compile(), lambda given: {"outputs": {}}, lambda state: len(state["outputs"])
    )
