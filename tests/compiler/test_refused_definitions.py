"""Each refusal of a definition has its code and its sentence, wherever the definition is from."""

from pathlib import Path
from typing import Any

import pytest

from fakes.flows import registry
from flowc.compiler.check import check_workflow
from flowc.compiler.compile import compile_workflow
from flowc.compiler.definition.short_schemas import BadSchema
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.reading.documents import from_data, read_bytes, read_file, read_text
from flowc.compiler.reading.library import Library, StoredDefinition
from flowc.compiler.reading.plain_json import NotPlain, plain_from, require_plain
from flowc.compiler.schemas.fitting import problems_of
from flowc.compiler.schemas.patterns import compile_pattern

SAY = "{id: say, type: template, config: {template: x}}"
CALL = "{id: call, type: subworkflow, config: {workflow: list}}"


def found(text: str | bytes, file: str | None = None) -> list[Diagnostic]:
    """Check a definition; the library has a list of nodes in place of a workflow."""
    stored = StoredDefinition("list", "1", read_text(f"[{SAY}]"))
    library = Library(lambda id, version: stored if id == "list" else None)
    try:
        document = read_bytes(text, file) if isinstance(text, bytes) else read_text(text, file)
        return check_workflow(document, registry(), library)
    except DefinitionRefused as refused:
        return list(refused.diagnostics)


DEPENDS = "nodes: [{id: begin, type: start}, {id: say, type: template, config: {template: x}, depends_on: [%s]}]"
# A definition, and a part of the sentence with which it is refused.
DEFINITIONS: dict[str, str] = {
    DEPENDS % "begni": "'say' depends on a node that does not exist: 'begni'.",
    f"nodes: [{{id: begin, type: start, depends_on: [say]}}, {SAY}]": "'begin' cannot depend on other nodes",
    f"nodes: [{SAY}, {{id: b, type: template, depends_on: [say], config: {{template: '{{{{say.text}}}}'}}}}]":
        "reads 'text' of 'say'; a node only has an `output`",
    "nodes: [{id: a, type: template, config: {template: x}, concurrency: {key: '{{ a + }}'}}]":
        "This expression is not valid",
    "nodes: [{id: a, type: agent, config: {prompt: x, tools: [{id: t, type: template, depends_on: [b], config: {template: x}}]}}]":
        "a tool runs when it is called and cannot depend on other nodes",
    "steps: {a: {type: template, input: {template: x}, config: {template: y}}}": "an `input` or a `config`, not both",
    f"nodes: [{CALL}]": "a workflow has `nodes: [...]`",
    f"input: {{a: [string, number]}}\nnodes: [{SAY}]": "a list in a short schema must hold one type",
    f"input: {{a: strin}}\nnodes: [{SAY}]": "'strin' is not a type; use",
    f"input: {{a: 5}}\nnodes: [{SAY}]": "a schema must be a mapping, a list of one type, or a type name",
    "base: &b [1]\nnodes:\n  <<: *b": "The merge key << needs a mapping.",
    "": "The text is empty.",
    "nodes: !!binary aGk=": "The tag 'tag:yaml.org,2002:binary' is not allowed.",
    "nodes: " + "[" * 101 + "]" * 101: "nested more than 100 levels deep",
    "nodes: " + "9" * 101: "The number has too many digits.",
    "nodes: [a\u0001b]": "a character that YAML does not allow",
}  # fmt: skip
FILES: list[tuple[str, bytes, str]] = [
    ("f.yaml", b"#" * 4_000_001, "A definition can have at most 4,000,000 bytes."),
    ("f.yaml", b"a: \xff", "The text is not UTF-8: line 1 has an invalid byte."),
    ("f.json", b'{"nodes": [}', "This is not JSON"),
    ("f.json", b'{"a": 1, "a": 2}', "The key 'a' appears twice in the same object."),
    ("f.json", b'{"a": NaN}', "NaN is not a JSON value."),
    ("f.json", b"[" * 100_000, "The document is nested too deeply."),
    ("f.json", b'{"a": ' + b"9" * 5_000 + b"}", "A number in the document has too many digits."),
    ("f.json", b'{"a": [' + b"1," * 400_001 + b"1", "There are more than 400,000 values."),
    ("f.json", b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "nested more than 64 levels deep"),
    ("f.yaml", b"a: &a [" + b"1," * 999 + b"1]\nb: &b [" + b"*a," * 99 + b"*a]\nc: [*b]", "more than 100,000 values"),
]  # fmt: skip


@pytest.mark.parametrize("text", DEFINITIONS, ids=lambda text: text[:60])
def test_a_definition_is_refused_with_a_sentence(text: str) -> None:
    messages = [diagnostic.message for diagnostic in found(text)]
    assert [message for message in messages if DEFINITIONS[text] in message], messages


@pytest.mark.parametrize(("name", "content", "sentence"), FILES)
def test_a_file_is_refused_with_a_sentence(name: str, content: bytes, sentence: str) -> None:
    [diagnostic] = found(content, name)
    assert sentence in diagnostic.message


def test_a_text_in_memory_is_limited_as_a_file_is() -> None:
    assert "at most 4,000,000 bytes" in found("#" * 4_000_001)[0].message
    assert "an invalid character" in found("a: \ud800")[0].message


def test_a_workflow_of_too_many_nodes_is_refused_with_both_numbers() -> None:
    nodes = [{"id": f"n{i}", "type": "start"} for i in range(10_001)]
    with pytest.raises(DefinitionRefused) as refused:
        compile_workflow(from_data({"nodes": nodes}), registry())
    [diagnostic] = refused.value.diagnostics
    assert diagnostic.code == "too-many-nodes"
    assert "at most 10,000 nodes; this one has 10,001" in diagnostic.message
    assert "subworkflow" in (diagnostic.hint or "")


def test_a_file_whose_name_cannot_be_one_is_refused() -> None:
    with pytest.raises(DefinitionRefused, match="The file name is not valid"):
        read_file(Path("a\0b"))


def test_what_has_an_error_or_is_no_workflow_is_not_compiled() -> None:
    with pytest.raises(DefinitionRefused, match="no node type 'nope'"):
        compile_workflow(read_text("nodes: [{id: a, type: nope}]"), registry())
    with pytest.raises(DefinitionRefused, match="can be checked but not run"):
        compile_workflow(read_text(f"[{SAY}]"), registry())


NOT_PLAIN: list[tuple[Any, str]] = [
    ({1: 2}, "The key '1' must be text."),
    (float("inf"), "inf is not a JSON value."),
    ({1, 2}, "A value of type set is not plain JSON."),
    ([0] * 400_001, "There are more than 400,000 values."),
    ("a\0", "The text contains a NUL character"),
    (2**256, "The number is too large"),
]


@pytest.mark.parametrize(("value", "sentence"), NOT_PLAIN, ids=[each[1] for each in NOT_PLAIN])
def test_a_value_that_is_not_plain_json_is_refused_with_a_sentence(
    value: Any, sentence: str
) -> None:
    with pytest.raises(NotPlain) as refused:
        require_plain(value)
    assert sentence in str(refused.value)


def test_a_value_has_a_depth_and_a_length() -> None:
    deep: Any = 1
    for _ in range(65):
        deep = [deep]
    with pytest.raises(NotPlain, match="nested more than 64 levels deep"):
        require_plain(deep)
    with pytest.raises(NotPlain, match="more than 5 characters"):
        require_plain(["abc", {"def": 1}], max_text=5)
    with pytest.raises(ValueError, match="nested too deep"):
        plain_from("[" * 100_000)


PATTERNS = {
    "(?=a)b": "a lookahead ((?=…) needs a search without limit",
    r"(a)\1": r"a back reference (\1) needs a search without limit",
    r"(?<q>a)\k<q>": r"a back reference (\k) needs a search without limit",
    "a{100001}": "it repeats something more than",
    "(" * 20 + "a" + "{2000})" * 20: "its repetitions are too large together",
    "[a": "a `[` has no `]`",
    r"\y": r"the escape \y is not known",
    "a\\": "the escape \\ is not known",
    r"\c1": r"\c needs a letter",
    r"\u{110000}": "names no character",
    r"\ud800": "is half of a character",
    r"\pL": r"\p needs a category in braces",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_refused_with_a_sentence(pattern: str) -> None:
    with pytest.raises(BadSchema) as refused:
        compile_pattern(pattern)
    assert PATTERNS[pattern] in str(refused.value)


# Schemas of services are not looked at before values are held against them.
FOREIGN: list[tuple[Any, Any, str]] = [
    ({"type": "txt"}, "x", "'txt' is not a type"),
    ({"properties": {"a": 5}}, {"a": 1}, "5 is not a schema"),
    ({"required": 5}, {}, "it is not a JSON Schema: TypeError"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$id": 5}}}, {}, "it is not a JSON Schema ("),
]


@pytest.mark.parametrize(("schema", "value", "sentence"), FOREIGN, ids=[e[2] for e in FOREIGN])
def test_a_schema_that_makes_no_sense_is_no_schema(schema: Any, value: Any, sentence: str) -> None:
    with pytest.raises(BadSchema) as refused:
        problems_of(value, schema)
    assert sentence in str(refused.value)
