"""A conformance test for node types: import it in the tests of your own package."""

import json
from collections.abc import Mapping
from typing import Any

from flowc.compiler.analysis.configuration import configure
from flowc.compiler.definition import NodeDefinition
from flowc.compiler.definition.short_schemas import problems_of, to_json_schema
from flowc.compiler.node import Context, Node, Outcome
from flowc.compiler.reading.plain_json import require_plain


async def check_node_type(
    node_type: type[Node], config: Mapping[str, Any], context: Context | None = None
) -> Outcome:
    """Run a node type with a valid configuration without templates, and return its outcome.

    Raises AssertionError if the type breaks a rule: its name must be a lower-case word; it needs a
    docstring and a JSON Schema; it must refuse unknown keys; it must choose one of the branches and
    set only the variables that it declares; its output must be plain JSON that fits the schema it
    declares.

        async def test_shout_is_a_node_type() -> None:
            outcome = await check_node_type(Shout, {"text": "hello"})
            assert outcome.output == {"text": "HELLO"}
    """
    _check_declaration(node_type)
    _check_configuration(node_type, config)
    node = node_type.model_validate(dict(config))
    result = await node.run(context or Context())
    outcome = result if isinstance(result, Outcome) else Outcome(result)
    _check_outcome(node_type, config, outcome)
    return outcome


def _check_declaration(node_type: type[Node]) -> None:
    for word in (node_type.type, *node_type.also):
        assert word.isidentifier() and word == word.lower(), f"{word!r} is not a lower-case word"
    assert (node_type.__doc__ or "").strip(), "the node type has no docstring"
    schema = node_type.model_json_schema()
    assert json.loads(json.dumps(schema)) == schema, "its JSON Schema is not plain JSON"


def _check_configuration(node_type: type[Node], config: Mapping[str, Any]) -> None:
    known = configure(NodeDefinition(id="a", type=node_type.type, config=dict(config)), node_type)
    assert not known.problems, f"the configuration is refused: {known.problems}"
    assert not known.slots, "the configuration has templates; use values instead"
    odd = {**config, "no_such_key": 1}
    refused = configure(NodeDefinition(id="a", type=node_type.type, config=odd), node_type)
    codes = {problem.code for problem in refused.problems}
    assert codes == {"unknown-key"}, "the node type accepts an unknown key"


def _check_outcome(node_type: type[Node], config: Mapping[str, Any], outcome: Outcome) -> None:
    require_plain(outcome.output)
    require_plain(dict(outcome.variables))
    branches = node_type.branches(config)
    assert (outcome.branch is None) == (branches is None), "only a type with `branches` chooses one"
    assert branches is None or outcome.branch in branches, f"undeclared branch {outcome.branch!r}"
    assert set(outcome.variables) <= node_type.writes(config), "undeclared variables"
    schema = node_type.describe_output(config)
    problems = problems_of(outcome.output, to_json_schema(schema)) if schema else []
    assert not problems, f"the output does not fit the declared schema: {problems}"
