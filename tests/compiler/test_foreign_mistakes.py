"""What people write who know other workflow languages is recognised, with the right spelling."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flowc.compiler.expressions import ExpressionError, compile_condition, compile_template
from flowc.server.cli import app

CASES = yaml.safe_load(
    (Path(__file__).parent / "cases" / "foreign_mistakes.yaml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Check all cases with one `flowc check`, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("mistakes")
    files: dict[str, str] = {}
    for number, case in enumerate(CASES):
        file = folder / str(number) / "flow.yaml"
        file.parent.mkdir()
        file.write_text(case["definition"], encoding="utf-8")
        files[str(file)] = case["mistake"]
    done = CliRunner().invoke(app, ["check", "--json", *files])
    assert done.exit_code == 2, done.output
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in files.values()}
    for diagnostic in json.loads(done.stdout)["diagnostics"]:
        if diagnostic["severity"] != "info":
            at = f"{diagnostic['line']}:{diagnostic['column']}"
            named = {key: diagnostic[key] for key in ("code", "hint")}
            found[files[diagnostic["file"]]].append({**named, "at": at})
    return found


def test_there_are_enough_mistakes_and_each_has_its_own_name() -> None:
    assert len({case["mistake"] for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=[case["mistake"] for case in CASES])
def test_a_mistake_gets_its_code_its_place_and_the_right_spelling(
    case: dict[str, Any], found: dict[str, list[dict[str, Any]]]
) -> None:
    assert found[case["mistake"]] == case["finds"]


PARTS = st.lists(
    st.sampled_from([*"()[]{}.,:=!&|?$#@`;+-*/~'\"<>%", "a", "1", "if", "else", "for", "in", "not", "is", "}}", "{{"]),
    max_size=8,
)  # fmt: skip


@given(PARTS, st.sampled_from([compile_template, compile_condition]))
@settings(max_examples=400)
def test_what_cannot_be_parsed_is_explained_in_our_own_words(parts: list[str], read: Any) -> None:
    code = " ".join(parts)
    try:
        read("{{ " + code + " }}" if read is compile_template else code)
    except ExpressionError as problem:
        assert "print statement" not in str(problem)
        assert "token" not in str(problem)
        assert "the syntax is wrong" not in str(problem) or problem.hint
