"""Prose is written in plain English: the phrases in `old_idiom.yaml` appear nowhere."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from fakes.places import ROOT
from flowc.server.cli.reference_pages import pages as generated_pages
from house.sources import modules, modules_of_tests, name_of, notebooks, pages, tree_of

IDIOM = Path(__file__).parent / "old_idiom.yaml"
CODE = re.compile(r"`[^`\n]*`")


class Prose(NamedTuple):
    """A piece of prose, and where it begins."""

    text: str
    file: str
    line: int


class Phrase(NamedTuple):
    """A phrase to avoid, and what to write for it."""

    pattern: re.Pattern[str]
    write: str


def phrases() -> list[Phrase]:
    found = yaml.safe_load(IDIOM.read_text())
    return [Phrase(_compiled(entry), entry["write"]) for entry in found]


def _compiled(entry: dict[str, str]) -> re.Pattern[str]:
    before = r"(?<![\w'-])" if "found" in entry else r"(?:\A|[.:;]\s+)"
    words = (entry.get("found") or entry["begins"]).replace(" ", r"\s+")
    return re.compile(rf"{before}(?P<words>{words})(?![\w-])", re.IGNORECASE)


def comments_of(path: Path) -> Iterator[Prose]:
    """Yield the comments of a module; those on lines that follow each other are one."""
    lines: list[str] = []
    first = 0
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start[0] != first + len(lines):
            yield Prose("\n".join(lines), name_of(path), first)
            lines = []
        first = first if lines else token.start[0]
        lines.append(token.string.lstrip("# "))
    if lines:
        yield Prose("\n".join(lines), name_of(path), first)


def strings_of(path: Path) -> Iterator[Prose]:
    """Yield a module's strings of several words: docstrings, messages, descriptions."""
    parts: set[ast.AST] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "`…`" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield Prose(text, name_of(path), node.lineno)


def docstrings_of(path: Path) -> Iterator[Prose]:
    """Yield the docstrings of a module of tests, and the names of its tests as sentences."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if text := ast.get_docstring(node, clean=False):
                yield Prose(text, name_of(path), node.body[0].lineno)
            if not isinstance(node, ast.Module) and node.name.startswith("test_"):
                sentence = node.name.removeprefix("test_").replace("_", " ")
                yield Prose(sentence, name_of(path), node.lineno)


def cells_of(path: Path) -> Iterator[Prose]:
    """Yield the Markdown cells of a notebook; its line is the cell's number."""
    for number, cell in enumerate(json.loads(path.read_text())["cells"], start=1):
        if cell["cell_type"] == "markdown":
            yield Prose("".join(cell["source"]), f"{name_of(path)}[cell]", number)


def openapi() -> Iterator[Prose]:
    """Yield the sentences of the API's description."""
    from flowc.server.app import create_app

    def within(value: object, at: str) -> Iterator[Prose]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key in {"summary", "description"} and isinstance(item, str):
                    yield Prose(item, f"openapi.json{at}", 1)
                yield from within(item, f"{at}/{key}")

    yield from within(create_app().openapi(), "")


def prose() -> Iterator[Prose]:
    """Yield all that people read, where it is written."""
    for path in modules():
        yield from comments_of(path)
        yield from strings_of(path)
    for path in modules_of_tests():
        yield from comments_of(path)
        yield from docstrings_of(path)
    for path in pages():
        if name_of(path) not in generated_pages():
            yield Prose(path.read_text(), name_of(path), 1)
    for path in sorted(ROOT.glob("*/flowc/**/*.yaml")):
        yield Prose(path.read_text(), name_of(path), 1)
    for path in notebooks():
        yield from cells_of(path)
    yield from openapi()


def findings(pieces: Iterable[Prose], avoided: list[Phrase]) -> list[str]:
    found: dict[str, None] = {}
    for piece in pieces:
        text = CODE.sub(lambda code: "`" * len(code[0]), piece.text)
        for phrase in avoided:
            for match in phrase.pattern.finditer(text):
                is_cell = piece.file.endswith("[cell]")
                line = piece.line + (0 if is_cell else text.count("\n", 0, match.start("words")))
                words = " ".join(match["words"].split())
                found[f"{piece.file}:{line}: {words!r} → {phrase.write}"] = None
    return list(found)


def test_nothing_that_people_read_is_written_in_the_old_idiom() -> None:
    found = findings(prose(), phrases())
    assert not found, f"{len(found)} phrases to rewrite:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Say whether a run is there.", "Say whether"),
        ("The worker is told to stop.", "told"),
        ("Returns what the run\n    goes on with.", "goes on"),
        ("Whoever names it.", "Whoever"),
    ],
)
def test_a_phrase_is_found_across_lines_and_whatever_its_case(sentence: str, words: str) -> None:
    (found,) = findings([Prose(sentence, "a.py", 7)], phrases())
    assert f"{words!r} →" in found


@pytest.mark.parametrize(
    "sentence",
    [
        "The standard library; `told` is a name.",
        "A number rather than a string; runs are kept for a day.",
        "Each worker returns what it has written.",
    ],
)
def test_ordinary_words_are_left_alone(sentence: str) -> None:
    assert findings([Prose(sentence, "a.py", 1)], phrases()) == []
