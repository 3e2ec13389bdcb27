"""What a workflow takes of a conversation: the inputs that it declares, or else those it reads."""

from collections.abc import Iterator

from flowc.compiler.analysis.references import node_path, uses_in
from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.definition.schema_paths import types_of
from flowc.compiler.planning.plan import Plan
from flowc.nodes.ai.model_node import ModelNode

# The inputs in which a workflow gets a message, and their types: the text of the message, the whole
# conversation, and the message with its images and files.
_FORMS = {"message": "string", "messages": "array", "content": "string"}
_Path = tuple[str | int, ...]


class TakenInputs:
    """The inputs that a workflow takes, by name; `remembers` says whether a model gets a history.

    A workflow takes what it declares. One that declares nothing takes what its nodes read.
    """

    def __init__(self, compiled: CompiledWorkflow) -> None:
        schema = compiled.workflow.input or {}
        self._declared = schema.get("properties", {})
        self._required = frozenset(schema.get("required", ()))
        self._is_closed = schema.get("additionalProperties") is False
        self._is_open = not self._declared or bool(schema.get("additionalProperties"))
        read = set(_read(compiled.plan)) if self._is_open else set()
        self._read = frozenset(str(path[0]) for path in read if path)
        self._reads_all, self._reads_none = () in read, not read
        self.remembers = _remembers(compiled.plan)

    def names(self, name: str) -> bool:
        """Return whether the workflow declares this input, or reads it undeclared."""
        return name in self._declared or name in self._read

    def may_have(self, name: str) -> bool:
        """Return whether the workflow may get this input, which it perhaps ignores."""
        return self._is_open or name in self._declared

    @property
    def takes_parts(self) -> bool:
        """Whether the workflow gets the images and files of a message, too."""
        return self.names("content") or self.takes_conversation

    @property
    def takes_conversation(self) -> bool:
        """Whether the workflow itself reads all messages."""
        return self.names("messages") or (self._is_open and self._reads_all)

    @property
    def may_have_messages(self) -> bool:
        """Whether the workflow may get all messages, if only for the memory of its nodes."""
        return self.may_have("messages") or (self.remembers and not self._is_closed)

    @property
    def forgets(self) -> bool:
        """Whether nodes would send earlier messages to a model, but the input allows none."""
        return self.remembers and not self.may_have_messages

    @property
    def is_for_messages(self) -> bool:
        """Whether the workflow reads a message, and needs no other input."""
        return self._takes_form or (self._is_open and self._reads_all and not self._required)

    @property
    def may_get_message(self) -> bool:
        """Whether the workflow can get a message, perhaps with other inputs."""
        is_open = self._is_open and (self._reads_all or self._reads_none)
        return is_open or any(self.names(name) for name in _FORMS)

    @property
    def _takes_form(self) -> bool:
        return self._required <= _FORMS.keys() and any(
            self.names(name) and self._admits(name, kind) for name, kind in _FORMS.items()
        )

    def _admits(self, name: str, kind: str) -> bool:
        types = types_of(self._declared.get(name))
        return types is None or kind in types


def _read(plan: Plan) -> Iterator[_Path]:
    """Yield the paths that nodes read of the run's input; an empty one reads all of it."""
    entries = {name for name, node in plan.nodes.items() if node.node_type.is_entry}
    for node in plan.nodes.values():
        has_data = node.configuration.takes_incoming is not None
        if has_data and (not node.data_from or entries.intersection(node.data_from)):
            yield ()
        for use in uses_in(node.configuration):
            path = use.reference.path
            found = node_path(path, plan.nodes)
            if found is None and path[0] == "input":
                yield path[1:]
            elif found is not None and found[0] in entries:
                # The output of the first node is the input.
                yield found[1][1:]
        if node.body is not None and not node.node_type.is_isolated:
            yield from _read(node.body)


def _remembers(plan: Plan) -> bool:
    """Return whether a node sends earlier messages of the conversation to a model."""
    return any(
        (issubclass(node.node_type, ModelNode) and bool(node.definition.config.get("memory")))
        or (node.body is not None and _remembers(node.body))
        for node in plan.nodes.values()
    )
