"""`error_handler` nodes: the nodes that one guards continue there if they fail."""

from collections.abc import Mapping
from typing import Any

from flowc.compiler.definition import (
    EdgeDefinition,
    GoTo,
    NodeDefinition,
    RetryPolicy,
    WorkflowDefinition,
)
from flowc.compiler.diagnostics import Problem
from flowc.compiler.reading.familiar.durations import duration_here

WORD = "error_handler"
_GUARDED = ("handles", "nodes", "sources", "watch", "guards", "monitored_nodes", "source_nodes",
            "catch_from", "for", "steps", "try")  # fmt: skip
_FALLBACK = ("fallback", "fallback_value", "fallback_output", "default", "default_value",
             "default_output", "output", "result", "return_value")  # fmt: skip
_STRATEGY = ("strategy", "action", "on_error", "mode", "error_strategy", "type")
_NEXT = ("next", "goto", "next_node", "error_edge", "then", "error_target", "fallback_node")
_FAILS = frozenset({"fail", "stop", "raise", "terminate", "abort", "throw", "rethrow"})
_HANDLES = frozenset({"fallback", "retry", "continue", "handle", "catch", "goto", "log", "ignore",
                      "default", "recover", "compensate", "skip"})  # fmt: skip
_ALL = ("*", "all", ["*"])
_ENDS = frozenset({"start", "input", "trigger", "end", "output", WORD})
_LEFT_OUT = frozenset({"log", "log_error", "log_errors"})


def with_error_edges(
    workflow: WorkflowDefinition,
) -> tuple[WorkflowDefinition, list[Problem]]:
    """Return a workflow whose error handlers are nodes that `on_error` leads to."""
    handlers = [node for node in workflow.nodes if node.type == WORD]
    problems: list[Problem] = []
    for handler in handlers:
        workflow = _Handling(workflow, handler, problems).done()
    return workflow, problems


class _Handling:
    """One error handler: the nodes that it guards, and what it does."""

    def __init__(
        self, workflow: WorkflowDefinition, handler: NodeDefinition, problems: list[Problem]
    ) -> None:
        self.workflow, self.handler, self.problems = workflow, handler, problems
        self.config = dict(handler.config)
        self.nodes = {node.id: node for node in workflow.nodes}

    def done(self) -> WorkflowDefinition:
        before = self._before()
        named = self._take(_GUARDED)
        if named in _ALL or (named is None and not before):
            guarded = self._all()
        else:
            guarded = self._guarded(named) if named is not None else before
        retry = self._retry()
        handler = self._node()
        after = self._after()
        edges = [
            edge
            for edge in self.workflow.edges
            if not (edge.target == handler.id and edge.source in {*guarded, *before})
        ]
        bypassed = [id for id in before if not self._has_others_after(id)]
        kept = {(edge.source, edge.target) for edge in edges}
        added = [(id, to) for id in bypassed for to in after if (id, to) not in kept]
        changed: dict[str, dict[str, Any]] = {handler.id: {}}
        for id in guarded:
            node = self.nodes[id]
            options: dict[str, Any] = {} if retry is None or node.retry else {"retry": retry}
            goes = {"on_error": GoTo(goto=handler.id)} if node.on_error == "fail" else {}
            changed[id] = {**options, **goes}
        for id, to in added:
            needs = self.nodes[to].depends_on or ()
            if handler.id in needs:
                changed.setdefault(to, {})["depends_on"] = tuple(dict.fromkeys((*needs, id)))
            else:
                edges.append(EdgeDefinition(source=id, target=to))
            if self.nodes[to].merge is None and self._sources(to) <= {handler.id, *bypassed}:
                # Either the handler or the guarded node ran: its output is the data.
                changed.setdefault(to, {})["merge"] = "fields"
        known = {**self.nodes, handler.id: handler}
        nodes = tuple(
            known[node.id].model_copy(update=changed[node.id]) if node.id in changed else node
            for node in self.workflow.nodes
        )
        return self.workflow.model_copy(update={"nodes": nodes, "edges": tuple(edges)})

    def _take(self, keys: tuple[str, ...]) -> Any:
        for key in keys:
            if key in self.config:
                return self.config.pop(key)
        return None

    def _before(self) -> list[str]:
        """Return the nodes with an edge to the handler, which it guards if it names none."""
        ids = [edge.source for edge in self.workflow.edges if edge.target == self.handler.id]
        return [id for id in (*ids, *(self.handler.depends_on or ())) if id in self.nodes]

    def _after(self) -> list[str]:
        ids = [edge.target for edge in self.workflow.edges if edge.source == self.handler.id]
        needing = [n.id for n in self.workflow.nodes if self.handler.id in (n.depends_on or ())]
        return [id for id in (*ids, *needing) if id in self.nodes]

    def _all(self) -> list[str]:
        """Return the nodes that can fail, without those after the handler."""
        later, todo = {self.handler.id}, [self.handler.id]
        while todo:
            name = todo.pop()
            found = {edge.target for edge in self.workflow.edges if edge.source == name}
            found |= {n.id for n in self.workflow.nodes if name in (n.depends_on or ())}
            found |= {to for to in self.nodes[name].config.values() if isinstance(to, str)}
            todo += (new := (found & self.nodes.keys()) - later)
            later |= new
        return [id for id, n in self.nodes.items() if id not in later and n.type not in _ENDS]

    def _sources(self, id: str) -> set[str]:
        edges = {edge.source for edge in self.workflow.edges if edge.target == id}
        return edges | set(self.nodes[id].depends_on or ())

    def _has_others_after(self, id: str) -> bool:
        """Return whether the workflow continues after a node elsewhere than at the handler."""
        own = self.handler.id
        edges = any(e.source == id and e.target != own for e in self.workflow.edges)
        return edges or any(
            id in (node.depends_on or ()) for node in self.workflow.nodes if node.id != own
        )

    def _guarded(self, named: Any) -> list[str]:
        ids = named if isinstance(named, list) else [named]
        for id in ids:
            if id not in self.nodes:
                message = (
                    f"{self.handler.id!r} handles a node that does not exist: {str(id)[:60]!r}."
                )
                hint = "Write the ids of nodes of this workflow."
                self.problems.append(
                    Problem("unknown-node", message, self.handler.config_at(), hint)
                )
        return [id for id in ids if id in self.nodes and id != self.handler.id]

    def _retry(self) -> RetryPolicy | None:
        most, delay = self.config.pop("max_retries", None), self._take(("retry_delay", "delay"))
        given = duration_here(delay) if delay is not None else 1.0
        if isinstance(most, int) and 0 <= most < 100 and isinstance(given, (int, float)):
            return RetryPolicy(
                max_attempts=most + 1,
                initial_delay=max(given, 0.001),
                backoff=1,
                jitter=False,
                on=("any",),
            )
        if most is not None:
            message = "`max_retries` is a number from 0 to 99, and `retry_delay` a duration."
            at = self.handler.config_at()
            self.problems.append(Problem("invalid-value", message, at, "Write `max_retries: 3`."))
        return None

    def _node(self) -> NodeDefinition:
        """Return the handler as a node: it outputs the error or a fallback, or fails the run."""
        strategy = str(self._take(_STRATEGY) or "handle").lower()
        has_fallback = any(key in self.config for key in _FALLBACK)
        fallback, message = self._take(_FALLBACK), self.config.pop("message", None)
        following = self._take(_NEXT)
        self._report_rest(strategy)
        if isinstance(following, str):
            edge = EdgeDefinition(source=self.handler.id, target=following)
            edge._at = self.handler.config_at()
            self.workflow = self.workflow.model_copy(update={"edges": (*self.workflow.edges, edge)})
        if strategy in _FAILS:
            config = {"message": message or "{{error.message}}", "code": "{{error.code}}"}
            return self._as("fail", config)
        if has_fallback:
            return self._as("transform", {"data": fallback})
        if message is not None:
            return self._as("transform", {"data": {"message": message, "error": "{{error}}"}})
        return self._as("transform", {"data": "{{error}}"})

    def _as(self, type: str, config: Mapping[str, Any]) -> NodeDefinition:
        changes = {"type": type, "config": dict(config), "depends_on": None}
        node = self.handler.model_copy(update=changes)
        # All that it does is written in its configuration.
        node._moved = {(key,): () for key in config}
        return node

    def _report_rest(self, strategy: str) -> None:
        at = self.handler.config_at()
        if strategy not in _FAILS | _HANDLES:
            message = f"There is no strategy {strategy[:40]!r} of an error handler."
            hint = "Write `fallback` (with a value), `retry` (with `max_retries`) or `fail`."
            self.problems.append(Problem("invalid-value", message, at, hint))
        for key in self.config.keys() - _LEFT_OUT:
            self.problems.append(_unknown(self.handler, str(key)))


def _unknown(handler: NodeDefinition, key: str) -> Problem:
    hint = "The keys are handles, strategy, fallback, message, max_retries, retry_delay and next."
    message = f"The key {key[:60]!r} is not known here."
    return Problem("unknown-key", message, handler.config_at(key), hint, on_key=True)
