"""Finds what the names and node types of other workflow languages are called here."""

from collections.abc import Collection, Mapping

from flowc.compiler.expressions.fields import LENGTHS

# Names in expressions. A reference begins with one of them, and no node has it as its id.
_VALUES: Mapping[str, str] = {
    **dict.fromkeys(("null", "nil", "NULL", "Null", "NONE", "nan", "NaN"), "Write none."),
    "undefined": "Write `is defined` after a name to test that it has a value.",
    **dict.fromkeys(("TRUE", "yes", "Yes", "YES", "on"), "Write true."),
    **dict.fromkeys(("FALSE", "no", "No", "NO", "off"), "Write false."),
    **dict.fromkeys(("execution", "workflow", "runs"), "Write {{run.id}}."),
}
# The names here of what other languages have under these names.
_ROOTS: Mapping[str, str] = {
    **dict.fromkeys(("inputs", "params", "args", "trigger", "event", "sys", "request"), "input"),
    **dict.fromkeys(("payload", "body", "query", "data", "json", "this", "self"), "input"),
    **dict.fromkeys(("secret", "credentials"), "secrets"),
    **dict.fromkeys(("ENV", "process", "os", "environment"), "env"),
    **dict.fromkeys(("vars", "var", "state", "context", "ctx", "conversation"), "variables"),
}
_NODES = frozenset({"steps", "step", "node", "tasks", "jobs", "outputs"})
_OUTPUTS = frozenset({"output", "outputs", "result", "results", "json", "data", "item"})

# Node types, in lower case without - and _.
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("if", "ifelse", "branch", "condition", "decision"), "conditional"),
    **dict.fromkeys(("httprequest", "request", "fetch", "rest", "api", "webhook"), "http"),
    **dict.fromkeys(("openai", "chat", "chatmodel", "prompt", "completion", "gpt"), "llm"),
    **dict.fromkeys(("questionclassifier", "classifier", "intent"), "classify"),
    **dict.fromkeys(("knowledgeretrieval", "rag", "search", "retriever"), "retrieve"),
    **dict.fromkeys(("iteration", "foreach", "parallel", "each", "splitinbatches"), "map"),
    **dict.fromkeys(("python", "javascript", "script", "function"), "code"),
    **dict.fromkeys(("answer", "finish", "stop", "return"), "end"),
    **dict.fromkeys(("trigger", "begin", "manualtrigger"), "start"),
    **dict.fromkeys(("humaninput", "review", "manual", "form", "usertask"), "approval"),
    **dict.fromkeys(("sleep", "delay", "timer", "pause"), "wait"),
    **dict.fromkeys(("executeworkflow", "workflow", "subflow", "call"), "subworkflow"),
    **dict.fromkeys(("assign", "variable", "variableassigner", "setvariable"), "set"),
    **dict.fromkeys(("templatetransform", "text", "jinja"), "template"),
    **dict.fromkeys(("while", "repeat"), "loop"),
    **dict.fromkeys(("variableaggregator", "join"), "merge"),
}


def name_here(path: tuple[str | int, ...]) -> str | None:
    """Return a hint for a reference whose first name is from another language.

    >>> name_here(("null",)), name_here(("steps", "a", "outputs", "text"))
    ('Write none.', 'Write {{a.output.text}}.')
    """
    root, *rest = map(str, path)
    if root in _NODES:
        if not rest:
            return "Write {{id.output}}, with the id of the node."
        node, *fields = rest
        found = [f for n, f in enumerate(fields) if n or f not in _OUTPUTS]
        return f"Write {{{{{'.'.join([node, 'output', *found])}}}}}."
    if root in _ROOTS:
        named = [str(f) for f in rest if f not in {"env", "environ"}] or ["name"]
        return f"Write {{{{{'.'.join([_ROOTS[root], *named])}}}}}."
    return _VALUES.get(root)


def length_here(text: str, path: tuple[str | int, ...]) -> str | None:
    """Return a hint for a reference that reads the length of a value as a field.

    >>> length_here("input.tags.length", ("tags", "length"))
    'Write input.tags|length.'
    """
    if not path or path[-1] not in LENGTHS:
        return None
    return f"Write {text.rpartition('.')[0]}|length."


def type_here(word: str, known: Collection[str]) -> str | None:
    """Return the node type that is meant in another spelling, or in another language.

    >>> type_here("LLM", ["llm"]), type_here("n8n-nodes-base.httpRequest", ["http"])
    ('llm', 'http')
    """
    bare = word.rpartition(".")[2]
    spelled = {_letters(name): name for name in known}
    name = spelled.get(_letters(bare)) or _TYPES.get(_letters(bare))
    return name if name in known else None


def _letters(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "").replace(" ", "")
