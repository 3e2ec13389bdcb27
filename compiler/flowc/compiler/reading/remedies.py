"""The hint of each diagnostic code, for problems whose check has no closer one."""

from collections.abc import Mapping

# The codes without a hint, with the reason.
WITHOUT_HINT: Mapping[str, str] = {
    "inferred-output": "it reports what the compiler found out, and nothing has to change",
}

# The codes of what a definition needs and an environment does not have.
OF_ENVIRONMENT = frozenset(
    {
        "file-not-allowed", "file-not-found", "missing-env", "missing-extra", "missing-model-key",
        "missing-secret", "refused-address", "unknown-collection", "unknown-mcp-server",
        "unknown-model",
    }
)  # fmt: skip

REMEDIES: Mapping[str, str] = {
    "always-false": "Compare with a value that it can have, or remove the condition.",
    "always-true": "Compare with a value that it may not have, or remove the condition.",
    "bound-without-loop": "Write `max_turns` on the edge that leads back, and not on this one.",
    "broken-workflow": "Run `flowc check` on that workflow: its diagnostics have their places.",
    "cannot-cache": "Put `cache` on the nodes in its body.",
    "cannot-disable": "Remove `disabled`, and lead the edges around the node.",
    "concurrent-writers": "Let one of the nodes set the variable, or put one after the other.",
    "costly-schema": "Write fewer alternatives, or smaller ones.",
    "disabled-node-read": "Use default(...), or enable the node.",
    "document-too-deep": "Move the inner values into variables, or into a workflow of their own.",
    "document-too-large": "Split it into several workflows, and run them by subworkflow.",
    "duplicate-edge": "Remove one of the two.",
    "duplicate-id": "Use another id for one of the two.",
    "duplicate-key": "Remove one of the two, or give one another name.",
    "edge-into-start": "Remove the edge, or let it lead to the node after it.",
    "edge-out-of-end": "Remove the edge, or let it leave from the node before it.",
    "edge-without-branch": "Add `branch:` with the branch on which it is taken.",
    "endless-loop": "Let a branch of a node in the cycle lead out of it.",
    "endless-schema": "Let the reference lead to a part of the value, such as its items.",
    "exit-of-a-running-loop": "Join the branches in the cycle before it is left.",
    "fields-collide": "Write `merge: keyed`, or give one of the fields another name.",
    "file-not-allowed": "Write the path of a file in one of the folders of FLOWC_DOCUMENT_DIRS.",
    "file-not-found": "Check the path, or put the file there.",
    "foreign-reference": "Write {{name}} for a value.",
    "invalid-expression": "`flowc explain invalid-expression` shows what can be written.",
    "invalid-id": "An id starts with a letter, followed by letters, digits, _ and -.",
    "invalid-json": "Check quotes, commas and brackets here; comments are not JSON.",
    "invalid-text": "Save the file as UTF-8, without control characters.",
    "invalid-value": "`flowc explain invalid-value` shows an example.",
    "invalid-yaml": "Check the indentation, quotes and brackets here and in the line before.",
    "join-never-runs": "Use `join: any`, or let both paths run.",
    "loop-without-bound": "Write `max_turns` on the edge that closes the loop.",
    "loop-with-two-entrances": "Let all edges into the cycle lead to the same node.",
    "maybe-undefined": "Use default(...), or make every path lead through that node.",
    "missing-env": "Set it as FLOWC_ENV_NAME, or in the file of FLOWC_ENV_FILE.",
    "missing-extra": "Install it where the workflow runs: pip install 'flowc[EXTRA]'.",
    "missing-input": "Add it to the node's `input`.",
    "missing-key": "Add the key with a value.",
    "missing-model-key": "Set a key for it in the file of FLOWC_MODELS_FILE.",
    "missing-secret": "Set it as FLOWC_SECRET_NAME, or in the file of FLOWC_SECRETS_FILE.",
    "needless-expect": "Expect values of variables that other runs can change, in one scope.",
    "needless-wait": "Remove `granularity: node`.",
    "never-equal": "Compare with a value that it can have.",
    "no-nodes": "Add a node: {id: greet, type: template, config: {template: Hello}}.",
    "not-a-json-value": "Write a number, or null; put other values into quotes.",
    "not-a-workflow": "Write `nodes:` before the list.",
    "not-upstream": "Add an edge from that node, directly or through other nodes.",
    "number-too-large": "Put it into quotes: as text, it can have any number of digits.",
    "race-of-one": "Lead the edges of all paths to it, or leave out `join`.",
    "recursive-workflow": "Use a loop node to repeat a part of a workflow.",
    "refused-address": "Call another address, or allow it in FLOWC_EGRESS_ALLOW.",
    "reserved-id": "Use another id, such as my_node.",
    "scope-differs": "Write the scope with which the variable is declared.",
    "secret-not-allowed": "Use secrets where a request is authenticated, such as in headers.",
    "self-dependency": "Remove it; a loop node repeats a part of a workflow.",
    "too-few-edges": "Lower the number, or lead more edges to it.",
    "too-many-nodes": "Move nodes into a workflow of their own, and run it by subworkflow.",
    "trigger-elsewhere": "Store the workflow, and make the trigger over the API.",
    "type-mismatch": "Read another field, or convert the value with a filter.",
    "unknown-argument": "Declare it in the tool's `parameters`.",
    "unknown-branch": "Write one of the node's branches.",
    "unknown-collection": "Create it by `flowc ingest`, or name another.",
    "unknown-environment": "Declare it in the workflow's `env`. A secret is {{secrets.NAME}}.",
    "unknown-field": "Read one of the fields that `flowc nodes TYPE` lists.",
    "unknown-form": "Start with `nodes:` and `edges:`, or with `steps:`.",
    "unknown-input": "Declare it in the workflow's `input`.",
    "unknown-key": "Remove it, or write one of the keys that are known here.",
    "unknown-mcp-server": "Add it to the file of FLOWC_MCP_FILE.",
    "unknown-model": "Write provider/model, or add an alias to the file of FLOWC_MODELS_FILE.",
    "unknown-node": "Write the id of a node of this workflow.",
    "unknown-node-type": "`flowc nodes` lists the node types.",
    "unknown-reference": "Write {{id.output}} with the id of a node, or {{input.name}}.",
    "unknown-variable": "Declare it in the workflow's `variables`.",
    "unknown-workflow": "Store the workflow under this id, or write its definition here.",
    "unreachable-branch": "Remove it, or correct the value that it is for.",
    "unreachable-node": "Add an edge that leads to it, or remove the node.",
    "unreadable-file": "Check the path and its permissions.",
    "unresolved-reference": 'Write the schema into `$defs`, and {$ref: "#/$defs/name"}.',
    "unsupported-pattern": "Write several patterns in `allOf`, without lookaround.",
    "unused-node": "Read its output, make it the last node, or remove it.",
    "waits-on-failure": "Let another workflow start when this one has failed: a dependency on it.",
    "variable-does-not-fit": "Write a value of the declared type, or declare another one.",
}


def remedy(code: str, hint: str | None) -> str | None:
    """Return a problem's own hint, or the one of its code; None for those that have no hint.

    >>> remedy("duplicate-edge", None), remedy("inferred-output", None)
    ('Remove one of the two.', None)
    """
    return hint or REMEDIES.get(code)
