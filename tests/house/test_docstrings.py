"""The first line of every module states what the file holds."""

import ast

from house.sources import modules, modules_of_tests, name_of, tree_of


def first_line(module: ast.Module) -> str:
    return (ast.get_docstring(module) or "").split("\n")[0]


def test_no_module_begins_with_a_question() -> None:
    asking = {
        name_of(path): first_line(tree_of(path))
        for path in (*modules(), *modules_of_tests())
        if first_line(tree_of(path)).endswith("?")
    }
    assert not asking, "\n".join(f"{name}: {line}" for name, line in asking.items())


def test_every_module_of_the_sources_begins_with_a_sentence() -> None:
    without = [name_of(path) for path in modules() if not first_line(tree_of(path))]
    assert not without
