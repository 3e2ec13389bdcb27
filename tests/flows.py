"""Small workflows for tests: how they are built, and how they are run without a server."""

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.documents import from_data, read_text
from flowc.compiler.events import Event
from flowc.compiler.guards import Guards
from flowc.compiler.library import Find, Library, Stored
from flowc.compiler.lowering import Granularity
from flowc.compiler.node import Context, Node, Outcome
from flowc.compiler.registry import Registry
from flowc.compiler.run_context import RunContext

# Set by the fixture of the same name: most tests of workflows run under both.
GRANULARITY: Granularity = "node"


class Turns(Counter[str]):
    """How often each node of a run has run so far."""


class Pick(Node):
    """Take the branches of a script, one for each time the node runs; the last one stays."""

    type: ClassVar = "pick"
    script: list[str]
    names: list[str]

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None]:
        return dict.fromkeys(config["names"])

    async def run(self, context: Context) -> Outcome:
        turns = context.service(Turns)
        turn = turns[context.node_id]
        turns[context.node_id] += 1
        return Outcome(turn, branch=self.script[min(turn, len(self.script) - 1)])


class Note(Node):
    """Count that the node ran."""

    type: ClassVar = "note"

    async def run(self, context: Context) -> int:
        turns = context.service(Turns)
        turns[context.node_id] += 1
        return turns[context.node_id]


@dataclass
class Ran:
    """What a run did."""

    output: Any
    outputs: dict[str, Any]
    events: list[Event] = field(default_factory=list)

    def times(self, kind: str = "node.completed") -> Counter[str]:
        return Counter(event.node_id for event in self.events if event.kind == kind)


def registry(*more: type[Node]) -> Registry:
    return Registry([*Registry.installed(), Pick, Note, *more])


StoredVersion = tuple[str, str, Any]


def with_library(*stored: StoredVersion) -> Find:
    """Return a look-up in workflows given as id, version and definition, oldest first."""

    def find(id: str, version: str | None) -> Stored | None:
        own = [(v, data) for i, v, data in stored if i == id and version in {None, v}]
        return Stored(id, own[-1][0], from_data(own[-1][1])) if own else None

    return find


def compiled(
    text_or_data: Any, *more: type[Node], stored: Sequence[StoredVersion] = ()
) -> CompiledWorkflow:
    is_text = isinstance(text_or_data, str)
    document = read_text(text_or_data) if is_text else from_data(text_or_data)
    library = Library(with_library(*stored))
    return compile_workflow(document, registry(*more), GRANULARITY, library)


async def run(
    workflow: CompiledWorkflow | Any,
    given: dict[str, Any] | None = None,
    services: Mapping[type, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    stored: Sequence[StoredVersion] = (),
    **context_fields: Any,
) -> Ran:
    """Run a workflow on LangGraph alone; raises what it raises."""
    if not isinstance(workflow, CompiledWorkflow):
        workflow = compiled(workflow, stored=stored)
    events: list[Event] = []
    context = RunContext(
        emit=events.append,
        services={Turns: Turns(), **(services or {})},
        secret=(secrets or {}).get,
        **{"guards": Guards(), **context_fields},
    )
    graph = copy.copy(workflow.graph)
    config: RunnableConfig = {"recursion_limit": 2_000}
    state = await graph.ainvoke(workflow.initial_state(given or {}), config, context=context)
    outputs = dict(state["outputs"])
    return Ran(workflow.plan.result(outputs), outputs, events)
