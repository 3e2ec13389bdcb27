"""Runs `flowc` as if only some of the extras were installed, whatever is installed here.

    python -m fakes.extras '["models"]' '[["check", "flow.yaml"], ["serve"]]'

prints the status and the output of each command as JSON. Modules of packages that those extras do
not bring, also those for development, cannot be found.
"""

import io
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, distributions
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class InstalledOnly:
    """Finds modules as Python does, without those that are hidden."""

    # Entry points are found by it.
    find_distributions = staticmethod(PathFinder.find_distributions)

    def __init__(self, hidden: Iterable[str]) -> None:
        self._hidden = frozenset(hidden)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        parts = name.split(".")
        if not self._hidden.isdisjoint({parts[0], ".".join(parts[:2])}):
            return None
        return PathFinder.find_spec(name, path, target)


def hidden_with(extras: Iterable[str], project: dict[str, Any]) -> set[str]:
    """Return the names of modules that a project with these extras does not install."""
    known = {canonicalize_name(each.name): each for each in distributions()}
    brought = _brought(extras, project, known)
    visible, others = set[str](), set[str]()
    for name, distribution in known.items():
        (visible if name in brought else others).update(_modules(distribution))
    return others - visible - {"flowc"}


def _brought(
    extras: Iterable[str], project: dict[str, Any], known: dict[Any, Distribution]
) -> set[str]:
    """Return the names of the distributions that are installed with the extras."""
    wanted: list[Requirement] = [Requirement(each) for each in project["dependencies"]]
    wanted += [Requirement(f"flowc[{','.join(extras)}]")] if extras else []
    done: dict[str, set[str]] = defaultdict(set)
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        new = {"", *requirement.extras} - done[name]
        done[name] |= new
        wanted += _required(name, new, project, known)
    return set(done)


def _required(
    name: str, extras: set[str], project: dict[str, Any], known: dict[Any, Distribution]
) -> Iterator[Requirement]:
    if name == "flowc":
        for extra in extras - {""}:
            yield from map(Requirement, project["optional-dependencies"][extra])
        return
    for written in (known[name].requires or ()) if name in known else ():
        requirement = Requirement(written)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def _modules(distribution: Distribution) -> Iterator[str]:
    """Yield the modules of a distribution, the first two parts of their names."""
    for file in distribution.files or ():
        if file.suffix in {".py", ".so"} and ".." not in file.parts:
            names = [part.split(".")[0] for part in file.parts]
            yield from {names[0], ".".join(names[:2])}


def _run(arguments: list[str]) -> tuple[int, str]:
    from flowc.server.cli import main

    sys.argv, shown, status = ["flowc", *arguments], io.StringIO(), 0
    with redirect_stdout(shown), redirect_stderr(shown):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, shown.getvalue()


def main() -> None:
    """Run the commands that the arguments name."""
    import tomllib

    from fakes.places import ROOT

    extras, commands = map(json.loads, sys.argv[1:])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    finder: Any = InstalledOnly(hidden_with(extras, project))
    sys.meta_path[:] = [finder if each is PathFinder else each for each in sys.meta_path]
    sys.stdout.write(json.dumps([_run(command) for command in commands]))


if __name__ == "__main__":
    main()
