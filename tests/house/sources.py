"""The files that the tests of the house read: sources, tests, pages and notebooks."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fakes.places import NOTEBOOKS, ROOT, TESTS

ROOTS = ("compiler", "nodes", "rag", "server")


def modules() -> Iterator[Path]:
    """Yield every module of the four roots."""
    for root in ROOTS:
        yield from _found(ROOT / root, "*.py")


def modules_of_tests() -> Iterator[Path]:
    """Yield every module under `tests`."""
    yield from sorted(TESTS.rglob("*.py"))


def pages() -> Iterator[Path]:
    """Yield every page of Markdown outside of the virtual environment."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / ".github").rglob("*.md"))
    for root in (*ROOTS, "docs", "notebooks", "tests"):
        yield from _found(ROOT / root, "*.md")


def _found(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files below a folder, but for those of the packages that npm installs."""
    yield from sorted(p for p in folder.rglob(pattern) if "node_modules" not in p.parts)


def notebooks() -> Iterator[Path]:
    """Yield every notebook."""
    yield from sorted(NOTEBOOKS.glob("*.ipynb"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    """Return a file's path from the root of the checkout."""
    return path.relative_to(ROOT).as_posix()
