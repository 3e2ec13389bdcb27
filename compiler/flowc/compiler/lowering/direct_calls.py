"""Calls nodes without LangGraph's callbacks if there is no callback handler.

LangGraph runs a node as a sequence (the node, then its writers) in its own task, and announces each
step to callbacks, which is a quarter of the cost of a node. Without a handler, the same steps can
be called directly.

LangGraph reads the sequence from `PregelNode.node`. That is not part of its public API; the
server's self-test checks it at every start.
"""

import copy
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.pregel._read import PregelNode


class Direct(Runnable[Any, Any]):
    """A node and its writers, called as LangGraph calls them, but without callbacks."""

    def __init__(self, node: PregelNode) -> None:
        # LangGraph makes the sequence, and the list of writers, when a node first runs.
        self._node = node

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Raise NotImplementedError: nodes are asynchronous."""
        raise NotImplementedError

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node, and write its result to the channels."""
        if config is None or has_handlers(config):
            announced: Any = self._node.node
            return await announced.ainvoke(input, config, **kwargs)
        # `get_runtime` and `interrupt` in the node find the run through this variable.
        token = var_child_runnable_config.set(config)
        try:
            output = await self._node.bound.ainvoke(input, config, **kwargs)
        finally:
            var_child_runnable_config.reset(token)
        for writer in self._node.flat_writers:
            await writer.ainvoke(output, config)
        return output


def call_directly(node: PregelNode) -> None:
    """Make LangGraph call this node directly if there are no callback handlers."""
    node.node = Direct(copy.copy(node))


def has_handlers(config: RunnableConfig) -> bool:
    """Return whether someone receives the callbacks of a run."""
    callbacks = config.get("callbacks")
    return bool(callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks)
