"""How does LangGraph call a node when nobody listens to its callbacks?

LangGraph runs a node as a sequence (the node, then the writing of what it gave) in a task of its
own, each step announced to callbacks: a quarter of what a node costs. When no callback handler is
there, the same steps can be called one after the other.

`PregelNode.node` is where LangGraph looks the sequence up; that is not promised, and held by the
self-test of the server.
"""

from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.pregel._read import PregelNode


class Direct(Runnable[Any, Any]):
    """A node and its writers, called as LangGraph calls them, less the callbacks."""

    def __init__(self, announced: Runnable[Any, Any], node: PregelNode) -> None:
        self._announced, self._work, self._writers = announced, node.bound, node.flat_writers

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Refuse: nodes are asynchronous."""
        raise NotImplementedError

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node, and write what it gave to the channels."""
        if config is None or _is_heard(config):
            return await self._announced.ainvoke(input, config, **kwargs)
        token = var_child_runnable_config.set(config)
        try:
            output = await self._work.ainvoke(input, config, **kwargs)
        finally:
            var_child_runnable_config.reset(token)
        for writer in self._writers:
            await writer.ainvoke(output, config)
        return output


def call_directly(node: PregelNode) -> None:
    """Have LangGraph call this node directly where it can."""
    if node.node is not None:
        node.node = Direct(node.node, node)


def _is_heard(config: RunnableConfig) -> bool:
    callbacks = config.get("callbacks")
    return bool(callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks)
