"""Every link between pages leads somewhere, and every page is reached from the README."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fakes.places import ROOT

NO_PAGES = {".venv", ".git", "build", "dist", "flowc-data", "node_modules"}


@cache
def _pages() -> list[Path]:
    found = [path for kind in ("*.md", "*.ipynb") for path in ROOT.rglob(kind)]
    return sorted(path for path in found if not _is_made(path.relative_to(ROOT)))


def _is_made(path: Path) -> bool:
    return any(part in NO_PAGES or part.endswith(("cache", "checkpoints")) for part in path.parts)


@cache
def _tokens(page: Path) -> list[Token]:
    text = page.read_text()
    if page.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return MarkdownIt().enable("table").parse(text)


def _links(page: Path) -> Iterator[str]:
    """Yield the addresses that a page links to, but for those on other hosts."""
    for token in _tokens(page):
        for inner in token.children or ():
            target = inner.attrs.get("href") or inner.attrs.get("src")
            if target is not None and not urlsplit(str(target)).scheme:
                yield str(target)


def _target(page: Path, link: str) -> Path:
    path = unquote(urlsplit(link).path)
    return (page.parent / path).resolve() if path else page


@cache
def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    tokens, seen, found = _tokens(page), Counter[str](), set[str]()
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(inner.content for inner in heading.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in _links(page):
        target, anchor = _target(page, link), urlsplit(link).fragment
        assert target.is_relative_to(ROOT) and target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = {ROOT / "README.md"}, [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        new = {_target(page, link) for link in _links(page)} & set(_pages()) - reached
        reached |= new
        todo += new
    assert {str(page.relative_to(ROOT)) for page in _pages()} == {
        str(page.relative_to(ROOT)) for page in reached
    }
