"""Why is each diagnostic given, and what is a bad and a good example of it?

Every example is run by the tests: the bad one gives its code, the good one does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to know of one code."""

    why: str
    bad: str
    good: str


_GOOD = """\
nodes:
  - {id: begin, type: start}
  - {id: hello, type: template, config: {template: "Hello {{input.name}}"}}
edges:
  - {source: begin, target: hello}
"""

_ROUTE = """\
nodes:
  - {id: begin, type: start}
  - {id: route, type: conditional, config: {condition: "{{input.n}} > 1"}}
  - {id: many, type: template, config: {template: many}}
edges:
  - {source: begin, target: route}
"""

_LOOP = """\
nodes:
  - {id: begin, type: start}
  - {id: work, type: template, config: {template: again}}
  - {id: enough, type: conditional, config: {condition: "{{input.enough}}"}}
  - {id: done, type: end}
edges:
  - {source: begin, target: work}
  - {source: work, target: enough}
"""

_JOIN = """\
nodes:
  - {id: begin, type: start}
  - id: route
    type: conditional
    config: {condition: "{{input.n}} > 1", true_edge: a, false_edge: b}
    depends_on: [begin]
  - {id: a, type: template, config: {template: a}}
  - {id: b, type: template, config: {template: b}}
"""


def _with(change: str, instead: str) -> str:
    return _GOOD.replace(change, instead)


EXPLANATIONS: Mapping[str, Explanation] = MappingProxyType(
    {
        "unreadable-file": Explanation(
            "The file is not there, or may not be read.",
            "flowc check no-such-file.yaml",
            "flowc check notebooks/workflows/customer_support.yaml",
        ),
        "invalid-yaml": Explanation(
            "The text cannot be parsed as YAML. Quote text that has {{ }}, : or # in it.",
            'nodes: [{id: a, type: "start"',
            _GOOD,
        ),
        "invalid-json": Explanation(
            "A file whose name ends in .json holds JSON, and this is not.",
            '{"nodes": [}',
            '{"nodes": [{"id": "begin", "type": "start"}]}',
        ),
        "invalid-text": Explanation(
            "The text is not UTF-8, or holds a NUL or half of a surrogate pair, which no store"
            " and no service can be relied on to keep.",
            '{"nodes": [{"id": "a", "type": "start", "name": "\\u0000"}]}',
            _GOOD,
        ),
        "duplicate-key": Explanation(
            "One object has the same key twice; readers differ in which of the two they keep.",
            "nodes:\n  - {id: a, id: b, type: start}",
            _GOOD,
        ),
        "not-a-json-value": Explanation(
            "A definition holds JSON values; NaN and infinity are none.",
            _with("{name: x}", "").replace('"Hello {{input.name}}"', ".nan"),
            _GOOD,
        ),
        "number-too-large": Explanation(
            "A whole number may have 256 bits at the most.",
            _with('"Hello {{input.name}}"', "1" + "0" * 90),
            _GOOD,
        ),
        "document-too-deep": Explanation(
            "The document is nested more deeply than any reader has use for.",
            "nodes: " + "[" * 120 + "]" * 120,
            _GOOD,
        ),
        "document-too-large": Explanation(
            "The document, its YAML aliases written out, has more values or bytes than are read.",
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n"
                for i in range(7)
            )
            + "nodes: []",
            _GOOD,
        ),
        "unknown-form": Explanation(
            "A workflow has `nodes` (and `edges`), or `steps`.",
            "workflow: []",
            _GOOD,
        ),
        "unknown-key": Explanation(
            "A key has no meaning where it stands; it is most often misspelt.",
            _with("source:", "sorce:"),
            _GOOD,
        ),
        "missing-key": Explanation(
            "Something that cannot be done without is not there.",
            _with(", type: start", ""),
            _GOOD,
        ),
        "invalid-value": Explanation(
            "A value has the wrong type, or is out of bounds.",
            _with("type: start", "type: start, join: most"),
            _GOOD,
        ),
        "no-nodes": Explanation("A workflow has at least one node.", "nodes: []", _GOOD),
        "too-many-nodes": Explanation(
            "A workflow may have 5,000 nodes; what needs more is a loop, a map or a sub-workflow.",
            "nodes:\n" + "".join(f"  - {{id: n{i}, type: start}}\n" for i in range(5_001)),
            _GOOD,
        ),
        "invalid-id": Explanation(
            "Ids are used in expressions and in addresses: letters, digits, _ and -, beginning"
            " with a letter.",
            _with("id: begin", "id: 1st"),
            _GOOD,
        ),
        "reserved-id": Explanation(
            "The id is a name that expressions have a meaning for already.",
            _GOOD.replace("hello", "variables"),
            _GOOD,
        ),
        "duplicate-id": Explanation(
            "Two nodes have the same id, so nobody can say which one is meant.",
            _with("id: hello", "id: begin"),
            _GOOD,
        ),
        "unknown-node-type": Explanation(
            "No installed package offers this node type. `flowc nodes` lists those there are.",
            _with("type: template", "type: templat"),
            _GOOD,
        ),
        "unknown-node": Explanation(
            "An edge, a branch or a dependency names a node that is not in the workflow.",
            _with("target: hello", "target: helo"),
            _GOOD,
        ),
        "self-dependency": Explanation(
            "A node that waits for itself never runs.",
            "steps:\n  a: {type: template, input: {template: x}, depends_on: [a]}",
            "steps:\n  a: {type: template, input: {template: x}}",
        ),
        "duplicate-edge": Explanation(
            "The same edge stands twice; the second one has no effect.",
            _GOOD + "  - {source: begin, target: hello}\n",
            _GOOD,
        ),
        "edge-into-start": Explanation(
            "A run begins at a start node; nothing leads to it.",
            _GOOD + "  - {source: hello, target: begin}\n",
            _GOOD,
        ),
        "edge-out-of-end": Explanation(
            "A run ends at an end node; nothing follows it.",
            _with("type: template, config: {template", "type: end, config: {output").replace(
                "edges:", "  - {id: more, type: end}\nedges:\n  - {source: hello, target: more}"
            ),
            _GOOD,
        ),
        "unknown-branch": Explanation(
            "The edge's `branch` is none that its source chooses among.",
            _ROUTE + "  - {source: route, target: many, branch: 'yes'}\n",
            _ROUTE + "  - {source: route, target: many, branch: 'true'}\n",
        ),
        "edge-without-branch": Explanation(
            "An edge that leaves a branching node without a `branch` is taken on every branch.",
            _ROUTE + "  - {source: route, target: many}\n",
            _ROUTE + "  - {source: route, target: many, branch: 'true'}\n",
        ),
        "invalid-expression": Explanation(
            "A template or condition cannot be read: the language is Jinja2's expressions, without"
            " blocks, calls, powers and slices.",
            _with("{{input.name}}", "{{input.name.upper()}}"),
            _with("{{input.name}}", "{{input.name|upper}}"),
        ),
        "unknown-reference": Explanation(
            "An expression reads a name that is neither a node nor one of input, variables,"
            " secrets and run; or it reads something of a node other than its output.",
            _with("{{input.name}}", "{{begn.output.name}}"),
            _with("{{input.name}}", "{{begin.output.name}}"),
        ),
        "unknown-input": Explanation(
            "The workflow declares its inputs, and this is none of them.",
            "input: {name: string}\n" + _with("input.name", "input.nam"),
            "input: {name: string}\n" + _GOOD,
        ),
        "unknown-variable": Explanation(
            "No variable of this name is declared under `variables`, and no node sets it.",
            _with("input.name", "variables.name"),
            "variables: {name: you}\n" + _with("input.name", "variables.name"),
        ),
        "secret-not-allowed": Explanation(
            "Secrets may stand only where a request is authenticated, since anything else is"
            " stored with the run or shown.",
            _with("input.name", "secrets.name"),
            _with(
                "type: template, config: {template: \"Hello {{input.name}}\"}",
                "type: http, config: {url: 'https://example.com', headers:"
                " {authorization: 'Bearer {{secrets.name}}'}}",
            ),
        ),
        "not-upstream": Explanation(
            "A node reads the output of one that no edges lead from: it may run before, or never.",
            _with("{{input.name}}", "{{other.output.text}}").replace(
                "edges:",
                "  - {id: other, type: template, config: {template: x}}\n"
                "edges:\n  - {source: begin, target: other}",
            ),
            _with("{{input.name}}", "{{begin.output.name}}"),
        ),
        "maybe-undefined": Explanation(
            "A node reads the output of one that does not run on every path that leads here.",
            _JOIN
            + "  - {id: after, type: template, config: {template: '{{a.output.text}}'},"
            " depends_on: [a, b]}\n",
            _JOIN
            + "  - {id: after, type: template, depends_on: [a, b],"
            " config: {template: '{{a.output.text|default(b.output.text)}}'}}\n",
        ),
        "unreachable-node": Explanation(
            "No edges lead to the node from where a run begins.",
            _with("target: hello", "target: other").replace(
                "edges:", "  - {id: other, type: template, config: {template: x}}\nedges:"
            ),
            _GOOD,
        ),
        "endless-loop": Explanation(
            "Once a run is in this loop, no branch can lead it out.",
            _LOOP.replace("type: conditional, config: {condition: \"{{input.enough}}\"}",
                          "type: template, config: {template: x}")
            + "  - {source: enough, target: work}\n  - {source: work, target: done}\n",
            _LOOP
            + "  - {source: enough, target: done, branch: 'true'}\n"
            "  - {source: enough, target: work, branch: 'false'}\n",
        ),
        "inferred-output": Explanation(
            "A model node promises no output schema, and others read fields of its output; the"
            " compiler asks the model for those. An `output_schema` says it better.",
            "nodes:\n"
            "  - {id: begin, type: start}\n"
            "  - {id: ask, type: llm, config: {prompt: 'What is it?'}}\n"
            "  - {id: say, type: template, config: {template: '{{ask.output.kind}}'}}\n"
            "edges:\n"
            "  - {source: begin, target: ask}\n"
            "  - {source: ask, target: say}\n",
            "nodes:\n"
            "  - {id: begin, type: start}\n"
            "  - id: ask\n"
            "    type: llm\n"
            "    config: {prompt: 'What is it?', output_schema: {kind: string}}\n"
            "  - {id: say, type: template, config: {template: '{{ask.output.kind}}'}}\n"
            "edges:\n"
            "  - {source: begin, target: ask}\n"
            "  - {source: ask, target: say}\n",
        ),
        "not-a-workflow": Explanation(
            "A list of nodes can be checked node by node; to run, it has to be a workflow.",
            "- {id: a, type: start}",
            _GOOD,
        ),
    }
)  # fmt: skip
