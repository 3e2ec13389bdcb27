"""Every public class and type alias has a name of its own over the four roots."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from house.sources import modules, name_of, tree_of

# Its names are written into the files that users export, so they cannot change. No module imports
# them together with the classes of the same names.
EXEMPT = "nodes/flowc/nodes/standalone.py"
# They have the names of Python's own modules, and no module imports them.
LIBRARY = "nodes/flowc/nodes/services/sandbox/library/"


def public_names(module: ast.Module) -> Iterator[str]:
    """Yield the public names of classes and type aliases at the top of a module."""
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            name = statement.name
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            name = targets[0].id if isinstance(targets[0], ast.Name) else ""
            name = name if name[:1].isupper() and not name.isupper() else ""
        else:
            continue
        if name and not name.startswith("_"):
            yield name


def test_no_public_name_has_two_meanings() -> None:
    places = defaultdict(list)
    for path in modules():
        if name_of(path) != EXEMPT and not name_of(path).startswith(LIBRARY):
            for name in public_names(tree_of(path)):
                places[name].append(name_of(path))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice, "\n".join(f"{name}: {', '.join(found)}" for name, found in twice.items())
