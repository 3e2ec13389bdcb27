"""The sources of the pages: their style, their types, their unit tests, and what is built of them."""

import gzip
import json
import re

from ui.node_tests import BUILT, UI, files_of_tests, require_ui, run_node

# The largest sizes of what a browser loads, in bytes after gzip.
SHELL, FIGURES, BUILDER, STYLES = 80_000, 110_000, 330_000, 14_000


def test_the_style_and_the_types() -> None:
    require_ui()
    run_node("node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".")
    run_node("node_modules/typescript/bin/tsc", "-p", ".")


def test_the_units() -> None:
    require_ui()
    run_node("--test", *(str(path) for path in files_of_tests("unit")))


def test_the_lock_file_names_no_place_and_each_package_has_a_reason() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())
    assert not [name for name, each in lock["packages"].items() if "resolved" in each]
    wanted = json.loads((UI / "package.json").read_text())
    reasons = (UI / "README.md").read_text()
    for name in (*wanted["dependencies"], *wanted["devDependencies"]):
        assert f"`{name}`" in reasons, name


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    require_ui()
    page = BUILT.read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page)
    assert not re.search(r'(?:src|href)="(?!/ui/assets/)', page)


def test_what_a_browser_loads_is_small() -> None:
    require_ui()
    assert sum(_size(each) for each in _assets() if each.endswith(".css")) <= STYLES
    for page in ("workflows-page", "runs-page", "tasks-page", "documents-page"):
        assert sum(map(_size, _loaded_with(page))) <= SHELL, page
    assert sum(map(_size, _loaded_with("workflow-page"))) <= BUILDER
    for page in ("run-page", "analytics-page"):
        assert sum(map(_size, _loaded_with(page))) <= FIGURES, page


def _loaded_with(page: str) -> set[str]:
    """Return the scripts that a browser loads to show a page: all that they import at once."""
    entry = re.findall(r'src="/ui/assets/([^"]+)"', BUILT.read_text())
    wanted = entry + [each for each in _assets() if re.fullmatch(rf"{page}-[\w-]+\.js", each)]
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            text = (BUILT.parent / "assets" / name).read_text()
            wanted += re.findall(r'(?:from|import)"\./([^"]+\.js)"', text)
    return found


def _assets() -> list[str]:
    return [path.name for path in (BUILT.parent / "assets").iterdir()]


def _size(name: str) -> int:
    return len(gzip.compress((BUILT.parent / "assets" / name).read_bytes(), 9))


def test_a_class_belongs_to_one_file_of_styles() -> None:
    # All styles are in one file in the end: two pages must not mean different things by a name.
    owners: dict[str, set[str]] = {}
    for path in (UI / "src").rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for selectors in re.findall(r"([^{}]+)\{", text):
            for found in re.findall(r"(?:^|,)\s*[a-z]*\.([\w-]+)(?=\s*(?:$|,))", selectors):
                owners.setdefault(found, set()).add(path.name)
    assert {name: files for name, files in owners.items() if len(files) > 1} == {}
    assert len(owners) > 50


def test_files_stay_short() -> None:
    paths = [
        *(UI / "src").rglob("*.ts*"),
        *(UI / "tests").rglob("*.ts"),
        *(UI / "src").rglob("*.css"),
    ]
    sizes = {str(path.relative_to(UI)): len(path.read_text().splitlines()) for path in paths}
    # It is made from the description of the API.
    del sizes["src/api/types.ts"]
    assert {name: size for name, size in sizes.items() if size > 400} == {}
