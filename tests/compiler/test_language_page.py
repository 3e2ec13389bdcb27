"""The examples on the page of the language are true.

Its conventions: a `jinja` block has lines `EXPRESSION -> JSON` or `EXPRESSION -> error: sentence`,
with the names of a `given` line; a `yaml` block that begins with `# input:` is run, and gives what
its last line says.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from fakes.flows import compiled, registry, run
from fakes.places import ROOT
from flowc.compiler.analysis.references import INNER_NAMES, NAMES
from flowc.compiler.check import check_workflow
from flowc.compiler.definition.durations import seconds
from flowc.compiler.definition.short_schemas import to_json_schema
from flowc.compiler.diagnostics import has_errors
from flowc.compiler.expressions import ExpressionError, compile_condition, compile_template
from flowc.compiler.reading.documents import read_text
from flowc.nodes.services.lasting import MemoryVariables

PAGE = (ROOT / "compiler" / "docs" / "language.md").read_text()


class Example(NamedTuple):
    source: str
    result: str
    names: dict[str, Any]
    is_condition: bool = False


def _blocks(language: str) -> list[tuple[str, str]]:
    return re.findall(rf"^```{language}(.*)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)


def _examples() -> Iterator[Example]:
    for kind, block in _blocks("jinja"):
        names: dict[str, Any] = {}
        for line in block.splitlines():
            if line.startswith("given "):
                names = json.loads(line.removeprefix("given "))
            else:
                source, _, result = line.rpartition(" -> ")
                yield Example(source.rstrip(), result, names, kind.strip() == "condition")


def _table(heading: str) -> list[tuple[str, str, str]]:
    """Return the first and the last two cells of the rows of a section's table."""
    rows = []
    for line in _section(heading).splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[0].startswith("`"):
            rows.append((cells[0], cells[-2], cells[-1]))
    return rows


def _section(heading: str) -> str:
    found = re.search(rf"^(#+) {heading}\n((?:.*\n)*?)(?=^#{{1,3}} |\Z)", PAGE, re.MULTILINE)
    assert found, heading
    return found[2]


def _code(cell: str) -> str:
    assert cell.startswith("`") and cell.endswith("`"), cell
    return cell[1:-1]


def _value(cell: str) -> Any:
    return read_text(f"value: {_code(cell)}").data["value"]


@pytest.mark.parametrize("example", list(_examples()), ids=lambda example: example.source)
def test_an_expression_has_the_value_shown(example: Example) -> None:
    compile_it = compile_condition if example.is_condition else compile_template
    if example.result.startswith("error: "):
        with pytest.raises(ExpressionError) as refused:
            compile_it(example.source).evaluate(example.names)
        assert str(refused.value) == example.result.removeprefix("error: ")
        return
    value = compile_it(example.source).evaluate(example.names)
    # Compared as JSON text, since in Python 1 == True.
    assert json.dumps(value) == json.dumps(json.loads(example.result))


def test_every_name_is_explained() -> None:
    for name in NAMES | INNER_NAMES:
        assert f"`{name}" in _section("Names"), name


@pytest.mark.parametrize("text", [text for _, text in _blocks("yaml")])
async def test_a_workflow_can_run_and_gives_what_is_shown(text: str) -> None:
    assert not has_errors(check_workflow(read_text(text), registry()))
    if text.startswith("# input: "):
        first, *_, last = text.splitlines()
        workflow = compiled(text)
        more: dict[str, Any] = {"lasting": MemoryVariables()} if workflow.plan.lasting else {}
        ran = await run(workflow, json.loads(first.removeprefix("# input: ")), **more)
        assert ran.output == json.loads(last.removeprefix("# output: "))


def test_the_short_schemas_mean_what_is_shown() -> None:
    rows = _table("Schemas")
    assert len(rows) > 5
    for _, short, schema in rows:
        assert to_json_schema(_value(short)) == json.loads(_code(schema))


def test_the_durations_are_as_long_as_shown() -> None:
    for _, written, shown in _table("Durations"):
        assert seconds(_value(written)) == float(_code(shown))
