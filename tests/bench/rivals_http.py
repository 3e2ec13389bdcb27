"""The rivals over HTTP, as a good engineer writes them: one process each, served by uvicorn.

`python -m bench.rivals_http KIND PORT MODEL_PORT DATABASE`, where KIND is `httpx` or `litellm`
(FastAPI and LangGraph, which call the model in this way), `plain` (FastAPI alone, the floor) or
`dbos` (FastAPI and DBOS with a step for each node). DATABASE is a file, or an address of PostgreSQL.
"""

import asyncio
import copy
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench.works import SLOW

Ask = Callable[[str], Awaitable[str]]


class Message(BaseModel):
    message: str


class Chat(BaseModel):
    input: Message


class Given(BaseModel):
    """The input of any other work."""

    input: dict[str, Any]


class Answer(BaseModel):
    thread: str | None = None
    output: Any


def counted(text: str) -> dict[str, Any]:
    return {"text": text, "words": len(text.split())}


def ask_by_httpx(client: httpx.AsyncClient, port: int) -> Ask:
    """Return a function that asks the model, with nothing between it and the HTTP client."""
    url, headers = f"http://127.0.0.1:{port}/v1/chat/completions", {"authorization": "Bearer sk-x"}

    async def ask(prompt: str) -> str:
        body = {"model": "gpt-4", "messages": [{"role": "user", "content": prompt}]}
        response = await client.post(url, json=body, headers=headers)
        response.raise_for_status()
        return str(response.json()["choices"][0]["message"]["content"])

    return ask


def ask_by_litellm(port: int) -> Ask:
    # Imported here: the other rivals do without it.
    import litellm

    async def ask(prompt: str) -> str:
        answer: Any = await litellm.acompletion(
            model="openai/gpt-4",
            messages=[{"role": "user", "content": prompt}],
            api_base=f"http://127.0.0.1:{port}/v1",
            api_key="sk-x",
        )
        return str(answer.choices[0].message.content)

    return ask


def plain_app(port: int) -> FastAPI:
    """Return the floor: the same work in a function, and nothing durable."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            app.state.client, app.state.ask = client, ask_by_httpx(client, port)
            yield

    app = _app(lifespan)

    @app.post("/chat")
    async def chat(chat: Chat) -> Answer:
        prompt = f"Answer in one sentence: {chat.input.message}"
        return Answer(output=counted(await app.state.ask(prompt)))

    @app.post("/one")
    async def one(given: Given) -> Answer:
        return Answer(output={"text": f"Hello {given.input['name']}!"})

    @app.post("/map-calls")
    async def map_calls(given: Given) -> Answer:
        client: httpx.AsyncClient = app.state.client
        url = item_url(port)
        calls = (client.get(url, params={"number": item}) for item in given.input["items"])
        return Answer(output=[response.json() for response in await asyncio.gather(*calls)])

    return app


def item_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/after/{SLOW * 1e3:.0f}/item"


def dbos_app(port: int, database: str) -> FastAPI:
    """Return the work as a workflow of DBOS, in which each node is a step."""
    # Imported here: the other rivals do without it.
    from dbos import DBOS

    url = database if "://" in database else f"sqlite:///{database}"
    DBOS(config={"name": "rival", "system_database_url": url})
    asking: dict[str, Ask] = {}
    work_on_chat, work_on_one = _steps_of_chat(asking), _step_of_one()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as client:
            asking["model"] = ask_by_httpx(client, port)
            DBOS.launch()
            yield
            DBOS.destroy()

    app = _app(lifespan)

    @app.post("/chat")
    async def chat(chat: Chat) -> Answer:
        return Answer(output=await work_on_chat(chat.input.message))

    @app.post("/one")
    async def one(given: Given) -> Answer:
        return Answer(output=await work_on_one(given.input["name"]))

    return app


def _steps_of_chat(asking: dict[str, Ask]) -> Callable[[str], Awaitable[Any]]:
    from dbos import DBOS

    @DBOS.step(name="prompt")
    async def write_prompt(message: str) -> str:
        return f"Answer in one sentence: {message}"

    @DBOS.step(name="ask")
    async def ask(prompt: str) -> str:
        return await asking["model"](prompt)

    @DBOS.step(name="count")
    async def count(text: str) -> dict[str, Any]:
        return counted(text)

    @DBOS.workflow(name="chat")
    async def work(message: str) -> dict[str, Any]:
        return await count(await ask(await write_prompt(message)))

    return work


def _step_of_one() -> Callable[[str], Awaitable[Any]]:
    from dbos import DBOS

    @DBOS.step(name="say")
    async def say(name: str) -> dict[str, Any]:
        return {"text": f"Hello {name}!"}

    @DBOS.workflow(name="one")
    async def work(name: str) -> dict[str, Any]:
        return await say(name)

    return work


@dataclass
class Graphs:
    """The graphs of a process, each made at its first request, and what keeps their state.

    A saver of SQLite is shared. One of PostgreSQL holds a lock while it works, so each request has a
    saver of its own over the shared pool.
    """

    port: int
    client: httpx.AsyncClient
    ask: Ask
    new_saver: Callable[[], Any]
    made: dict[str, Any] = field(default_factory=dict)

    async def run(self, work: str, given: dict[str, Any]) -> Answer:
        if work not in self.made:
            self.made[work] = self._make(work)
        handwritten = self.made[work]
        graph = copy.copy(handwritten.graph)
        graph.checkpointer = self.new_saver()
        thread = uuid.uuid4().hex
        config = {"configurable": {"thread_id": thread}, "recursion_limit": 20_000}
        state = await graph.ainvoke(handwritten.begin(given), config, durability="sync")
        return Answer(thread=thread, output=handwritten.answer(state))

    def _make(self, work: str) -> Any:
        from bench import rival_graphs

        kind, _, size = work.rpartition("-")
        if size.isdigit():
            return rival_graphs.chain(int(size), is_delta=kind == "delta-chain")
        makers: dict[str, Callable[[], Any]] = {
            "chat": lambda: rival_graphs.chat(self.ask),
            "one": rival_graphs.one,
            "map": rival_graphs.map_items,
            "map-calls": lambda: rival_graphs.map_calls(self.client, item_url(self.port)),
            "map-pauses": rival_graphs.map_pauses,
            "loop": rival_graphs.loop,
            "zigzag": rival_graphs.zigzag,
        }
        return makers[work]()


def langgraph_app(kind: str, port: int, database: str) -> FastAPI:
    """Return FastAPI and LangGraph, with a checkpointer, and one HTTP client for the model."""
    by_litellm = ask_by_litellm(port) if kind == "litellm" else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(httpx.AsyncClient())
            new_saver = await _savers(database, stack)
            ask = by_litellm or ask_by_httpx(client, port)
            app.state.graphs = Graphs(port, client, ask, new_saver)
            yield

    app = _app(lifespan)

    @app.post("/chat")
    async def chat(chat: Chat) -> Answer:
        graphs: Graphs = app.state.graphs
        return await graphs.run("chat", chat.input.model_dump())

    @app.post("/{work}")
    async def run(work: str, given: Given) -> Answer:
        graphs: Graphs = app.state.graphs
        return await graphs.run(work, given.input)

    return app


async def _savers(database: str, stack: AsyncExitStack) -> Callable[[], Any]:
    if "://" not in database:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(database))
        await saver.setup()
        # As flowc sets it: with WAL, a crash of the process loses nothing.
        await saver.conn.execute("pragma synchronous = normal")
        return lambda: saver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    options: Any = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: Any = AsyncConnectionPool(database, max_size=20, open=False, kwargs=options)
    await stack.enter_async_context(pool)
    await AsyncPostgresSaver(pool).setup()
    return lambda: AsyncPostgresSaver(pool)


def _app(lifespan: Any) -> FastAPI:
    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    kind, port, model_port, database = sys.argv[1:]
    if kind == "plain":
        app = plain_app(int(model_port))
    elif kind == "dbos":
        app = dbos_app(int(model_port), database)
    else:
        app = langgraph_app(kind, int(model_port), database)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="info")


if __name__ == "__main__":
    main()
