"""The modules that code in Monty can import: those that it has, and ours from `library/`."""

import ast
import html.entities
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from textwrap import indent

from flowc.nodes.services.sandbox.rewriting import PREFIX, Supplied

# What Monty itself can import, and what is of use without files, network and environment.
NATIVE = (
    "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses",
    "datetime", "decimal", "functools", "hashlib", "itertools", "json", "math", "os", "pathlib",
    "random", "re", "sys", "time", "typing", "unicodedata",
)  # fmt: skip
_FOLDER = Path(__file__).parent / "library"
_PACKAGES = {"urllib": "parse"}


@cache
def monty_supplies() -> Supplied:
    """Return the modules that are ours."""
    modules = {name: frozenset(_names(tree)) for name, tree in _sources().items()}
    packages = {name: frozenset({inner}) for name, inner in _PACKAGES.items()}
    return Supplied({**modules, **packages}, runs_classes=True, waits=True)


@cache
def prelude(modules: tuple[str, ...]) -> str:
    """Return code that makes the objects for some of our modules."""
    parts = ["class _FlowcModule:\n    pass"]
    for name in modules:
        inner = _PACKAGES.get(name)
        if inner is None:
            parts.append(_loaded(name, f"{PREFIX}{name}"))
            continue
        parts.append(f"{PREFIX}{name} = _FlowcModule()")
        parts.append(_loaded(f"{name}.{inner}", f"{PREFIX}{name}.{inner}"))
    return "\n".join(parts)


def _loaded(name: str, target: str) -> str:
    """Return code that runs a module's source in a function, and keeps its public names."""
    tree, own = _sources()[name], f"{PREFIX}load"
    source = ast.unparse(tree)
    if name == "html":
        # 252 names of characters: the list in Python is not ours to write down again.
        entities = {key: chr(number) for key, number in html.entities.name2codepoint.items()}
        entities["apos"] = "'"
        source += f"\nENTITIES.update({json.dumps(entities)})"
    kept = "\n".join(f"module.{each} = {each}" for each in _names(tree))
    body = indent(f"{source}\nmodule = _FlowcModule()\n{kept}\nreturn module", "    ")
    return f"def {own}():\n{body}\n{target} = {own}()"


@cache
def _sources() -> Mapping[str, ast.Module]:
    """Return the trees of our modules by their names, without texts that only readers need."""
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        if path.stem != "__init__":
            tree = ast.parse(path.read_text())
            found[path.stem.replace("_", ".")] = _Bare().visit(tree)
    return found


class _Bare(ast.NodeTransformer):
    """Removes docstrings, which would be measured as the author's code."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.Pass() if is_text else node


def _names(tree: ast.Module) -> list[str]:
    """Return the public names that a module defines."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [each.id for each in targets if isinstance(each, ast.Name)]
    return [name for name in found if not name.startswith("_")]
