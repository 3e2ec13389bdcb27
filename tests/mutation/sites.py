"""Finds the statements that refuse something, and puts a switch before each of them."""

import ast
import builtins
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

# What a refusal is made of; a function that returns one of these makes one, too.
_MADE = frozenset({"Problem", "Diagnostic"})
# Raised for what is no mistake of an author.
_OTHER = frozenset({"AssertionError", "AttributeError", "StopIteration", "NotImplementedError"})
_SWITCH = "reached_site"


class Site(NamedTuple):
    """A statement that refuses something."""

    file: Path
    line: int
    text: str


class Sites:
    """The sites of all modules that were rewritten, by their numbers."""

    def __init__(self) -> None:
        self.found: list[Site] = []

    def rewritten(self, source: str, file: Path) -> ast.Module:
        """Return the tree of a module with a switch before each of its sites.

        >>> print(ast.unparse(Sites().rewritten("raise ValueError('no')", Path("f.py"))))
        from mutation.switches import reached as reached_site
        if reached_site(0):
            raise ValueError('no')
        """
        tree = ast.parse(source)
        # It changes the tree itself; a module is never a site.
        _Rewriter(self.found, file, _makers(tree)).visit(tree)
        switch = ast.parse(f"from mutation.switches import reached as {_SWITCH}").body
        tree.body[_head(tree) : 0] = switch
        return ast.fix_missing_locations(tree)


def _head(tree: ast.Module) -> int:
    """Return how many statements must stay first: the docstring, and imports from the future."""
    head = 1 if ast.get_docstring(tree) is not None else 0
    while head < len(tree.body) and _is_future(tree.body[head]):
        head += 1
    return head


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _makers(tree: ast.Module) -> frozenset[str]:
    """Return the names of the module's functions that return a refusal."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return frozenset(f.name for f in functions if f.returns is not None and _makes(f.returns))


def _makes(annotation: ast.expr) -> bool:
    name = ast.unparse(annotation).strip("'\"")
    return name in _MADE or name.endswith("Error") or name == "BadSchema"


class _Rewriter(ast.NodeTransformer):
    def __init__(self, found: list[Site], file: Path, makers: frozenset[str]) -> None:
        self._found, self._file, self._makers = found, file, makers

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.stmt) and self._is_site(node):
            number = len(self._found)
            text = " ".join(ast.unparse(node).split())
            self._found.append(Site(self._file, node.lineno, text))
            test = ast.Call(ast.Name(_SWITCH, ast.Load()), [ast.Constant(number)], [])
            return ast.copy_location(ast.If(test, [node], []), node)
        self.generic_visit(node)
        return node

    def _is_site(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Raise):
            return isinstance(statement.exc, ast.Call) and _name(statement.exc) not in _OTHER
        if isinstance(statement, ast.Return):
            return self._is_made(statement.value)
        if not isinstance(statement, ast.Expr):
            return False
        value = statement.value
        if isinstance(value, ast.Yield):
            return self._is_made(value.value)
        is_appended = isinstance(value, ast.Call) and _name(value) == "append"
        return is_appended and any(self._is_made(each) for each in _arguments(value))

    def _is_made(self, value: ast.expr | None) -> bool:
        if isinstance(value, ast.Name):
            return value.id == "problem"
        if not isinstance(value, ast.Call):
            return False
        name = _name(value)
        return name in _MADE | self._makers or _is_exception(name)


def _arguments(value: ast.expr) -> Sequence[ast.expr]:
    return value.args if isinstance(value, ast.Call) else ()


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _is_exception(name: str) -> bool:
    found = getattr(builtins, name, None)
    return name.endswith("Error") and (found is None or issubclass(found, Exception))


class Switched(MetaPathFinder):
    """Imports the modules whose files are chosen with a switch before each site."""

    def __init__(self, files: Iterator[Path], sites: Sites) -> None:
        self._files, self._sites = frozenset(files), sites

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a module's specification with a loader that rewrites it, if it is chosen."""
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or Path(spec.origin) not in self._files:
            return None
        spec.loader = _Loader(fullname, spec.origin, self._sites)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, sites: Sites) -> None:
        super().__init__(fullname, path)
        self._sites = sites

    def get_code(self, fullname: str) -> CodeType:
        """Return the rewritten module's code; it is not stored beside the file."""
        file = Path(self.path)
        tree = self._sites.rewritten(file.read_text(encoding="utf-8"), file)
        return compile(tree, self.path, "exec", dont_inherit=True)


def install(files: Iterator[Path]) -> Sites:
    """Rewrite these files when they are imported from now on; return their sites."""
    sites = Sites()
    sys.meta_path.insert(0, Switched(files, sites))
    return sites
